import type { StandardSchema } from '../errors/standard-schema.ts'
import type { InputOf, OutputOf } from './event-schemas.ts'

/** The source of a request, for its handler. */
export interface RequestInfo {
  /** The id that the client has given the request, the same if it repeats it. `undefined` if the client wants no answer. */
  readonly id: string | undefined
  /** Aborts at the end of the connection. */
  readonly signal: AbortSignal
}

/** Options of {@link request}. */
export interface RequestHandlerOptions {
  /**
   * Whether the handler runs beside the other requests of its connection, instead of after the earlier ones. For a request that takes
   * long and changes nothing, such as one for a page of older messages. @default false
   */
  readonly concurrent?: boolean | undefined
}

/** A request that a client may send, with its schema and its handler. Made by {@link request}. */
export class LiveRequest<Input, Output> {
  /** Never set: the types for clients. */
  declare readonly '~types'?: { readonly input: Input; readonly output: Output }
  /** @internal */
  readonly schema: StandardSchema
  /** @internal */
  readonly handler: (input: unknown, info: RequestInfo) => unknown
  /** @internal */
  readonly isConcurrent: boolean

  /** @internal */
  constructor(
    schema: StandardSchema,
    handler: (input: unknown, info: RequestInfo) => unknown,
    { concurrent = false }: RequestHandlerOptions,
  ) {
    this.schema = schema
    this.handler = handler
    this.isConcurrent = concurrent
  }
}

/**
 * Declares a request of a `LiveConsumer`, as a property of its instances: the name of the property is the name of the request. The
 * handler gets the output of the schema. What it returns is the answer: a JSON value, or nothing. Requests of one connection run one
 * after another, in their order, unless they are `concurrent`.
 *
 * A {@link RequestError} is sent to the client. Another error is logged, and the client gets the code `failed`.
 * @example say = request(schema, ({ room: id, text }) => this.publish(room(id), 'said', { text }))
 */
export function request<Schema extends StandardSchema, Output>(
  schema: Schema,
  handler: (input: OutputOf<Schema>, info: RequestInfo) => Output,
  options: RequestHandlerOptions = {},
): LiveRequest<InputOf<Schema>, Awaited<Output>> {
  return new LiveRequest(schema, handler, options)
}

/** An error of a request for its client. */
export class RequestError extends Error {
  override readonly name = 'RequestError'
  /** A word for the program of the client: `room_full`. */
  readonly code: string

  /** @param message for the person who develops the client, or the user */
  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}
