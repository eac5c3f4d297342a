/** What a {@link ClientError} stands for. `docs/guides/client.md` says what to do about each. */
export type ClientErrorCode =
  /** The runtime has no global `WebSocket` and the options name none. */
  | 'ERR_NO_WEBSOCKET'
  /** The URL is malformed, has another scheme than ws, wss, http or https, or has a fragment. */
  | 'ERR_BAD_URL'
  /** An option has a value outside its range. */
  | 'ERR_BAD_OPTION'
  /** A `url`, `protocols`, `token` or `hello` function threw or rejected. */
  | 'ERR_PROVIDER_FAILED'
  /** An attempt to connect failed, or the connection ended before `minUptimeMs`. */
  | 'ERR_CONNECTION_FAILED'
  /** The connection was lost after a request was sent and before its answer came: it may have been handled or not. */
  | 'ERR_CONNECTION_LOST'
  /** The client is closed for good. */
  | 'ERR_CLOSED'
  /** The outbox, or the number of unanswered requests, is at its limit. */
  | 'ERR_OUTBOX_FULL'
  /** A message cannot be encoded, or one from the server cannot be decoded. */
  | 'ERR_BAD_MESSAGE'
  /** A message from the server is larger than `maxMessageBytes`, and was dropped. */
  | 'ERR_MESSAGE_TOO_LARGE'
  /** A `for await` loop reads slower than messages come: the oldest unread one was dropped. */
  | 'ERR_SLOW_READER'
  /** No answer to a request came in time. */
  | 'ERR_REQUEST_TIMEOUT'
  /** The server answered a request with an `error`; the whole answer is the `cause`. */
  | 'ERR_REQUEST_FAILED'

/** Every error of the client. `code` never changes its meaning; the message says what happened and may change. */
export class ClientError extends Error {
  declare readonly code: ClientErrorCode

  constructor(code: ClientErrorCode, message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'ClientError'
    this.code = code
  }
}
