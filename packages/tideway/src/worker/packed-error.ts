import { errorCodes, type ErrorCode } from '../errors/codes.ts'
import { TidewayError } from '../errors/tideway-error.ts'

/** A thrown value in a form that crosses between threads and keeps everything that can be cloned. */
export type PackedError =
  | { readonly kind: 'value'; readonly value: unknown }
  | {
      readonly kind: 'error'
      readonly name: string
      readonly message: string
      readonly stack: string | undefined
      /** Own properties such as `code`, `errno` or `constraint`. */
      readonly properties: Readonly<Record<string, unknown>>
      readonly cause: PackedError | undefined
      /** Of an `AggregateError`. */
      readonly errors: readonly PackedError[] | undefined
    }

/** The longest chain of causes that is kept; it also ends circles. */
const MAX_DEPTH = 10

/** Plain structured cloning would lose the class name, the `code` and every other property of an error. */
export function packError(thrown: unknown, depth: number = 0): PackedError {
  if (!(thrown instanceof Error)) return { kind: 'value', value: isCloneable(thrown) ? thrown : String(thrown) }
  const properties: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(thrown)) {
    if (key !== 'name' && key !== 'errors' && isCloneable(value)) properties[key] = value
  }
  const errors: unknown = thrown instanceof AggregateError ? thrown.errors : undefined
  return {
    kind: 'error',
    name: thrown.name,
    message: thrown.message,
    stack: thrown.stack,
    properties,
    cause: thrown.cause === undefined || depth >= MAX_DEPTH ? undefined : packError(thrown.cause, depth + 1),
    errors: Array.isArray(errors) && depth < MAX_DEPTH ? errors.map((error) => packError(error, depth + 1)) : undefined,
  }
}

const builtIn: Readonly<Record<string, ErrorConstructor>> = {
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError,
}

/** Restores the thrown value, as an instance of the same class if that is built in or `TidewayError`. */
export function unpackError(packed: PackedError): unknown {
  if (packed.kind === 'value') return packed.value
  const { name, message, stack, properties, cause, errors } = packed
  const options = cause === undefined ? undefined : { cause: unpackError(cause) }
  const error = create(name, message, properties['code'], errors, options)
  if (error.name !== name) {
    Object.defineProperty(error, 'name', { value: name, configurable: true, writable: true, enumerable: false })
  }
  Object.assign(error, properties)
  if (stack !== undefined) error.stack = stack
  return error
}

function create(
  name: string,
  message: string,
  code: unknown,
  errors: readonly PackedError[] | undefined,
  options: ErrorOptions | undefined,
): Error {
  if (errors !== undefined) return new AggregateError(errors.map(unpackError), message, options)
  if (name === 'TidewayError' && typeof code === 'string' && Object.hasOwn(errorCodes, code)) {
    return new TidewayError(code as ErrorCode, message, options)
  }
  return new (builtIn[name] ?? Error)(message, options)
}

/** Whether the value can be copied to another thread. */
export function isCloneable(value: unknown): boolean {
  try {
    if (typeof value === 'object' ? value !== null : typeof value === 'function' || typeof value === 'symbol') {
      structuredClone(value)
    }
    return true
  } catch {
    return false
  }
}
