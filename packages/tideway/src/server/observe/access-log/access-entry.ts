/** What every line of an access log says. */
interface Access {
  /** When it was over. */
  readonly time: Date
  /** The address of the client: behind trusted proxies the one that they speak for. */
  readonly client: string | undefined
  /** Path and query as they came, with the values of secret parameters left out. */
  readonly path: string
  /** From the request to this, in milliseconds. */
  readonly durationMs: number
}

/** A request that is over. */
export interface HttpAccess extends Access {
  readonly type: 'http'
  readonly method: string
  readonly httpVersion: string
  /** 499 when the client went away before there was one. */
  readonly status: number
  /** Of the body of the response, as it went over the wire. */
  readonly bytes: number
}

/** Something that happened to a WebSocket. */
export interface WebSocketAccess extends Access {
  readonly type: 'websocket'
  readonly event: 'connecting' | 'connect' | 'reject' | 'disconnect'
  /** The HTTP status of a handshake that was rejected. */
  readonly status?: number
  /** Why a handshake was rejected, in a sentence; missing where the application gave no reason. */
  readonly reason?: string
  /** The close code of a connection that has ended. */
  readonly code?: number
}

/** One line of an access log. */
export type AccessEntry = HttpAccess | WebSocketAccess

/** Takes the lines of an access log. */
export type AccessLog = (entry: AccessEntry) => void
