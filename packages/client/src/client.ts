import type { Listener } from './emitter.ts'
import type { ClientError } from './errors.ts'
import type { ConnectionOptions } from './options.ts'
import type { SendOutcome } from './outbox.ts'
import type { RequestOptions } from './requests.ts'
import type { ConnectionState } from './state.ts'
import type { WebSocketPayload } from './web-socket-port.ts'

/** The options of {@link connect}. */
export interface ClientOptions<Out = unknown, In = unknown> extends ConnectionOptions {
  /**
   * Called on each new connection. Its result is sent first, ahead of the outbox: for example the user, or the last
   * message seen. Sends nothing if it returns `undefined`. @default none
   */
  readonly onConnectMessage?: () => Out | undefined
  /** Encodes a message for the wire. @default JSON.stringify */
  readonly encode?: (message: Out | (object & { id: string })) => WebSocketPayload
  /**
   * Decodes a message from the server; binary messages arrive as `ArrayBuffer`. An error that it throws becomes an
   * `error` event, so a schema can validate messages here. @default JSON.parse, text only
   */
  readonly decode?: (data: string | ArrayBuffer) => In
  /** The maximum number of unread messages of a `for await` loop. Beyond it, the oldest is dropped. @default 1000 */
  readonly maxUnreadMessages?: number
}

/** The events of a client and the argument of each listener. */
export interface ClientEvents<In> {
  /** A connection opened: the first one, or one after a reconnect. */
  open: ConnectionState & { status: 'open' }
  /** A message arrived that does not answer a request. */
  message: In
  /** The connection was lost or an attempt failed, and the client will try again. */
  reconnecting: ConnectionState & { status: 'reconnecting' }
  /** The client closed permanently. */
  closed: ConnectionState & { status: 'closed' }
  /** The state changed. */
  state: ConnectionState
  /** The outbox is empty: the socket has all messages. */
  drained: undefined
  /** An error. The client continues unless its state is `closed`. */
  error: ClientError
}

/** A message that the client accepted for sending. */
export interface SentMessage {
  /** `queued` at first, then the outcome. */
  readonly state: 'queued' | SendOutcome
  /** Resolves with the outcome. Never rejects. */
  readonly outcome: Promise<SendOutcome>
}

/** A message without the `id` that a request adds. */
export type WithoutId<Message> = Message extends object ? Omit<Message, 'id'> : object

/**
 * A connection that reconnects by itself, for the application's own message types: `Out` to the server, `In` from it.
 * `for await` iterates over the messages from then on, until the client is closed.
 */
export interface TidewayClient<Out = unknown, In = unknown> extends AsyncIterable<In>, Disposable {
  /** The state of the connection. `describeState` formats it as text. */
  readonly state: ConnectionState
  /** The number of bytes in the outbox and in the socket's send buffer. */
  readonly bufferedAmount: number
  /** Adds a listener. Returns a function that removes it. */
  on<Name extends keyof ClientEvents<In>>(name: Name, listener: Listener<ClientEvents<In>[Name]>): () => void
  /**
   * Sends a message now, or later if there is no connection. Order is kept. Delivery is at most once: `sent` means that
   * an open socket has the message, not that it arrived. Throws `ERR_BAD_MESSAGE`, `ERR_CLOSED` and `ERR_OUTBOX_FULL`.
   */
  send(message: Out): SentMessage
  /**
   * Adds an `id` to a message, sends it, and resolves with the message that has the same `id`. Rejects with
   * `ERR_REQUEST_FAILED` if the answer has an `error`, with `ERR_REQUEST_TIMEOUT`, `ERR_CONNECTION_LOST`, `ERR_CLOSED`,
   * `ERR_OUTBOX_FULL` or `ERR_BAD_MESSAGE`, and with the signal's reason.
   */
  request<Answer = In>(message: WithoutId<Out>, options?: RequestOptions): Promise<Answer>
  /** Reconnects now, for a "try again" button or after a known change of the network. Throws `ERR_CLOSED`. */
  reconnect(): void
  /** Closes permanently and drops the outbox. To keep its messages, first wait for `drained` or for their outcomes. */
  close(code?: number, reason?: string): void
}
