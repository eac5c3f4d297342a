import type { HttpScope } from './scope.ts'

/** The key of {@link LongResponses} in the `extensions` of an HTTP scope. */
export const LONG_RESPONSE_EXTENSION = 'tideway.longResponse'

/** A `stream` has all events of its connection. A `poll` ends after the first ones. */
export type LongTransport = 'stream' | 'poll'

/** A response that takes the place of a WebSocket. The server calls it when the server begins to close. */
export interface LongResponse {
  /** Whether its client can move to another process before the response ends. */
  readonly canMove: boolean
  /** The server ends the response `withinMs` milliseconds later. */
  announceDrain(withinMs: number): void
  /** The response must end, with this close code and reason of a WebSocket. */
  shutDown(code: number, reason: string): void
}

/** A piece of the bodies of many responses: one object for all of them. */
export interface BodyPiece {
  readonly bytes: Buffer
}

/** The body of a long response after its head and first piece. */
export interface LongBody {
  /** Writes a piece at the end of the tick. Returns a promise while the client reads too slowly. @throws TidewayError `ERR_CONNECTION_CLOSED` */
  write(piece: BodyPiece): void | Promise<void>
  /** Writes what waits. Then the response can end. */
  end(): void
}

/** A request that the limits of the server refuse. */
export interface RefusedResponse {
  readonly status: number
  readonly message: string
  readonly headers: readonly (readonly [string, string])[]
}

/** The long responses of a server. */
export interface LongResponses {
  /**
   * Counts the response as a connection of its client, until it ends. Returns a refusal above the limits of connections, and while the
   * server closes.
   */
  start(scope: HttpScope, response: LongResponse, transport: LongTransport): RefusedResponse | undefined
  /** The body of the response to the request of this scope. */
  bodyOf(scope: HttpScope): LongBody | undefined
}

/** The long responses of the server of this scope; `undefined` outside a server. */
export function longResponsesOf({ extensions }: HttpScope): LongResponses | undefined {
  return extensions?.[LONG_RESPONSE_EXTENSION] as LongResponses | undefined
}
