/** The fields of every line of an access log. */
interface Access {
  /** When the event happened: for a request, the end of its response. */
  readonly time: Date
  /** The address of the client, also behind trusted proxies. */
  readonly client: string | undefined
  /** Path and query as received, with redacted values of secret parameters. */
  readonly path: string
  /** The time since the request, in milliseconds. */
  readonly durationMs: number
}

/** A completed request. */
export interface HttpAccess extends Access {
  readonly type: 'http'
  readonly method: string
  readonly httpVersion: string
  /** 499 if the client disconnected before the response. */
  readonly status: number
  /** The bytes of the response body on the wire. */
  readonly bytes: number
}

/** An event of a WebSocket. */
export interface WebSocketAccess extends Access {
  readonly type: 'websocket'
  readonly event: 'connecting' | 'connect' | 'reject' | 'disconnect'
  /** The HTTP status of a rejected handshake. */
  readonly status?: number
  /** Why a handshake was rejected, as a sentence; missing if the application gave no reason. */
  readonly reason?: string
  /** The close code of an ended connection. */
  readonly code?: number
}

/** One line of an access log. */
export type AccessEntry = HttpAccess | WebSocketAccess

/** Called for each line of the access log. */
export type AccessLog = (entry: AccessEntry) => void
