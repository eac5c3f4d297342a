import { TidewayError } from '../errors/tideway-error.ts'
import { issueText, type StandardSchema } from './standard-schema.ts'

/** The largest input of a task, in bytes of JSON. */
export const MAX_INPUT_BYTES: number = 1024 * 1024

/** The deepest nesting of an input; it also refuses circles. */
const MAX_DEPTH = 100

/**
 * Returns the output of the schema, or the input itself if there is no schema.
 * @throws TidewayError `ERR_BAD_TASK_INPUT` with all issues
 */
export async function validateInput(
  task: string,
  schema: StandardSchema | undefined,
  input: unknown,
): Promise<unknown> {
  if (schema === undefined) return input
  const result = await schema['~standard'].validate(input)
  if (result.issues === undefined) return result.value
  throw badInput(task, result.issues.map(issueText).join('; '))
}

/**
 * Checks that the input stays the same as JSON.
 * @throws TidewayError `ERR_BAD_TASK_INPUT`
 */
export function requireJson(task: string, input: unknown): void {
  const found = findNonJson(input, 'input', 0)
  if (found !== undefined) throw badInput(task, found)
  const bytes = input === undefined ? 0 : Buffer.byteLength(JSON.stringify(input))
  if (bytes <= MAX_INPUT_BYTES) return
  throw badInput(task, `it takes ${bytes} bytes, over the limit of ${MAX_INPUT_BYTES}: queue a reference to the data`)
}

/** Returns the first problem, or `undefined` if JSON can hold the value. */
function findNonJson(value: unknown, path: string, depth: number): string | undefined {
  switch (typeof value) {
    case 'undefined':
    case 'string':
    case 'boolean':
      return undefined
    case 'number':
      return Number.isFinite(value) ? undefined : `${path} is ${value}, which JSON cannot represent`
    case 'object':
      return value === null ? undefined : findInObject(value, path, depth)
  }
  return `${path} is a ${typeof value}, which JSON cannot represent`
}

function findInObject(value: object, path: string, depth: number): string | undefined {
  if (depth >= MAX_DEPTH) return `${path.slice(0, 100)}… is nested deeper than ${MAX_DEPTH} levels, or circular`
  const isArray = Array.isArray(value)
  if (!isArray && !isPlain(value)) {
    return `${path} is an instance of ${value.constructor.name}, which JSON would change: pass plain data`
  }
  for (const [key, member] of Object.entries(value)) {
    const memberPath = isArray ? `${path}[${key}]` : `${path}.${key}`
    const found =
      isArray && member === undefined
        ? `${memberPath} is undefined, which JSON would make null`
        : findNonJson(member, memberPath, depth + 1)
    if (found !== undefined) return found
  }
  return undefined
}

/** Also `true` for a plain object of another realm, such as that of a test runner. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

function badInput(task: string, what: string): TidewayError {
  return new TidewayError('ERR_BAD_TASK_INPUT', `The input of the task ${task} is refused: ${what}.`)
}
