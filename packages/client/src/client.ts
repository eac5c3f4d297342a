import type { Listener } from './emitter.ts'
import type { ClientError } from './errors.ts'
import type { ConnectionOptions } from './options.ts'
import type { Outcome } from './outbox.ts'
import type { RequestOptions } from './requests.ts'
import type { ConnectionState } from './state.ts'
import type { Payload } from './web-socket-port.ts'

/** The options of {@link connect}. */
export interface ClientOptions<Out = unknown, In = unknown> extends ConnectionOptions {
  /** What to send first on each new connection, ahead of all that waits: who one is, or what one has seen last. */
  readonly hello?: () => Out | undefined
  /** A message as it goes on the wire. @default JSON.stringify */
  readonly encode?: (message: Out | (object & { id: string })) => Payload
  /**
   * What came, as a message; binary messages come as `ArrayBuffer`. What it throws becomes an `error` event, so this is
   * the place to check messages against a schema. @default JSON.parse, texts only
   */
  readonly decode?: (data: string | ArrayBuffer) => In
  /** How many messages a `for await` loop may be behind before the oldest is dropped. @default 1000 */
  readonly maxUnreadMessages?: number
}

/** The events of a client, and what a listener is given. */
export interface ClientEvents<In> {
  /** A connection is open, the first one or another. */
  open: ConnectionState & { status: 'open' }
  /** A message came that is not the answer to a request. */
  message: In
  /** The connection was lost, or an attempt failed, and there will be another. */
  reconnecting: ConnectionState & { status: 'reconnecting' }
  /** The client is closed for good. */
  closed: ConnectionState & { status: 'closed' }
  /** The state changed, to any. */
  state: ConnectionState
  /** All that waited has been handed to the socket. */
  drained: undefined
  /** Something went wrong; the client goes on unless its state says otherwise. */
  error: ClientError
}

/** A message on its way. */
export interface SentMessage {
  /** Where it is now. */
  readonly state: 'queued' | Outcome
  /** What becomes of it. Never rejects. */
  readonly outcome: Promise<Outcome>
}

/** A message without the `id` that a request gives it. */
export type WithoutId<Message> = Message extends object ? Omit<Message, 'id'> : object

/**
 * A connection that comes back by itself, for messages of the application's own types: `Out` to the server, `In` from it.
 * Iterating over it with `for await` gives the messages from then on, until it is closed.
 */
export interface TidewayClient<Out = unknown, In = unknown> extends AsyncIterable<In>, Disposable {
  /** Where the connection is; `describeState` puts it into words. */
  readonly state: ConnectionState
  /** The bytes that wait, in the outbox and in the socket. */
  readonly bufferedAmount: number
  /** Calls the listener at each such event, until the function that it returns is called. */
  on<Name extends keyof ClientEvents<In>>(name: Name, listener: Listener<ClientEvents<In>[Name]>): () => void
  /**
   * Sends a message now, or when there is a connection, in order. At most once: `sent` means that an open socket took
   * it, not that it arrived. Throws `ERR_BAD_MESSAGE`, `ERR_CLOSED` and `ERR_OUTBOX_FULL`.
   */
  send(message: Out): SentMessage
  /**
   * Sends a message with an `id` of the client's making, and resolves with the message that comes back with the same
   * `id`. Rejects with `ERR_REQUEST_FAILED` if that has an `error`, with `ERR_REQUEST_TIMEOUT`, `ERR_CONNECTION_LOST`,
   * `ERR_CLOSED`, `ERR_OUTBOX_FULL` or `ERR_BAD_MESSAGE`, and with the signal's reason.
   */
  request<Answer = In>(message: WithoutId<Out>, options?: RequestOptions): Promise<Answer>
  /** Connects anew now: a "try again" button, or an application that knows that the network has changed. Throws `ERR_CLOSED`. */
  reconnect(): void
  /** Closes for good. What still waits is lost: await `drained` or the outcomes first if that matters. */
  close(code?: number, reason?: string): void
}
