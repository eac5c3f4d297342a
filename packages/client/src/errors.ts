/** The code of a {@link ClientError}. `docs/guides/client.md` has the remedy for each. */
export type ClientErrorCode =
  /** The runtime has no global `WebSocket`, and the options name none. */
  | 'ERR_NO_WEBSOCKET'
  /** The URL is malformed, has a scheme other than ws, wss, http or https, or has a fragment. */
  | 'ERR_BAD_URL'
  /** An option is out of range. */
  | 'ERR_BAD_OPTION'
  /** A `url`, `protocols`, `token` or `onConnectMessage` function threw or rejected. */
  | 'ERR_PROVIDER_FAILED'
  /** An attempt to connect failed, or the connection ended before `minUptimeMs`. */
  | 'ERR_CONNECTION_FAILED'
  /** The connection was lost between a request and its answer. The server may have handled the request. */
  | 'ERR_CONNECTION_LOST'
  /** The client is closed permanently. */
  | 'ERR_CLOSED'
  /** The outbox or the number of unanswered requests is at its limit. */
  | 'ERR_OUTBOX_FULL'
  /** A message cannot be encoded, or a message from the server cannot be decoded. */
  | 'ERR_BAD_MESSAGE'
  /** A message from the server is larger than `maxMessageBytes` and was dropped. */
  | 'ERR_MESSAGE_TOO_LARGE'
  /** A `for await` loop is slower than the messages: the oldest unread message was dropped. */
  | 'ERR_SLOW_READER'
  /** A request timed out. */
  | 'ERR_REQUEST_TIMEOUT'
  /** The server answered a request with an `error`. The `cause` is the whole answer. */
  | 'ERR_REQUEST_FAILED'
  /** Events of a group were missing on a connection. The client joined the group again from its position. */
  | 'ERR_GAP'

/** The error class of the client. A `code` never changes its meaning; the message describes the case and may change. */
export class ClientError extends Error {
  declare readonly code: ClientErrorCode

  constructor(code: ClientErrorCode, message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'ClientError'
    this.code = code
  }
}

/** Makes an error with the text of its cause as the message. */
export function causedError(code: ClientErrorCode, cause: unknown): ClientError {
  return new ClientError(code, String(cause), cause)
}
