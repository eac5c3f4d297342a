import { Emitter, type Listener } from './emitter.ts'
import { ClientError } from './errors.ts'
import { Link } from './link.ts'
import { resolveOptions, type ConnectionOptions, type Provided } from './options.ts'
import type { Outcome } from './outbox.ts'
import { createRequests, type Requests, type RequestOptions } from './requests.ts'
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
 * Made by {@link connect}.
 */
export class TidewayClient<Out = unknown, In = unknown> implements AsyncIterable<In>, Disposable {
  readonly #events = new Emitter<ClientEvents<In>>()
  readonly #options: Required<Pick<ClientOptions<Out, In>, 'encode' | 'decode' | 'maxUnreadMessages'>>
  readonly #link: Link
  readonly #requests: Requests

  constructor(url: Provided<string | URL>, options: ClientOptions<Out, In> = {}) {
    const resolved = resolveOptions(url, options)
    this.#options = {
      encode: encodeJson,
      decode: decodeJson as (data: string | ArrayBuffer) => In,
      maxUnreadMessages: 1_000,
      ...options,
    }
    this.#link = new Link(resolved, {
      state: (state) => this.#become(state),
      message: (data) => this.#receive(data as string | ArrayBuffer),
      hello: () => this.#hello(options.hello),
      drained: () => this.#events.emit('drained', undefined),
      lost: (code) => this.#requests.connectionLost(code),
      error: (error) => this.#events.emit('error', error),
    })
    this.#requests = createRequests(this.#link, resolved.outbox.maxMessages, resolved.random)
  }

  /** Where the connection is; `describeState` puts it into words. */
  get state(): ConnectionState {
    return this.#link.state
  }

  /** The bytes that wait, in the outbox and in the socket. */
  get bufferedAmount(): number {
    return this.#link.bufferedAmount
  }

  /** Calls the listener at each such event, until the function that it returns is called. */
  on<Name extends keyof ClientEvents<In>>(name: Name, listener: Listener<ClientEvents<In>[Name]>): () => void {
    return this.#events.on(name, listener)
  }

  /**
   * Sends a message now, or when there is a connection, in order. At most once: `sent` means that an open socket took
   * it, not that it arrived. Throws `ERR_BAD_MESSAGE`, `ERR_CLOSED` and `ERR_OUTBOX_FULL`.
   */
  send(message: Out): SentMessage {
    const { promise: outcome, resolve } = deferred<Outcome>()
    const sent = {
      data: this.#encode(message),
      state: 'queued' as 'queued' | Outcome,
      outcome,
      settle(outcome: Outcome) {
        sent.state = outcome
        resolve(outcome)
      },
    }
    this.#link.post(sent)
    return sent
  }

  /**
   * Sends a message with an `id` of the client's making, and resolves with the message that comes back with the same
   * `id`. Rejects with `ERR_REQUEST_FAILED` if that has an `error`, with `ERR_REQUEST_TIMEOUT`, `ERR_CONNECTION_LOST`,
   * `ERR_CLOSED`, `ERR_OUTBOX_FULL` or `ERR_BAD_MESSAGE`, and with the signal's reason.
   */
  request<Answer = In>(message: WithoutId<Out>, options: RequestOptions = {}): Promise<Answer> {
    return this.#requests.send((id) => this.#encode({ ...message, id }), options) as Promise<Answer>
  }

  /** Connects anew now: a "try again" button, or an application that knows that the network has changed. */
  reconnect(): void {
    this.#link.reconnect()
  }

  /** Closes for good. What still waits is lost: await `drained` or the outcomes first if that matters. */
  close(code?: number, reason?: string): void {
    this.#link.close(code, reason)
  }

  [Symbol.dispose](): void {
    this.close()
  }

  /** The messages from now on, until the client is closed. */
  async *[Symbol.asyncIterator](): AsyncGenerator<In, void, void> {
    const unread: In[] = []
    let wake: (() => void) | undefined
    const offMessage = this.on('message', (message) => {
      unread.push(message)
      if (unread.length > this.#options.maxUnreadMessages) {
        unread.shift()
        this.#fail('ERR_SLOW_READER', 'The oldest unread message was dropped')
      }
      wake?.()
    })
    const offClosed = this.on('closed', () => wake?.())
    try {
      while (unread.length > 0 || this.state.status !== 'closed') {
        if (unread.length > 0) yield unread.shift() as In
        else
          await new Promise<void>((resolve) => {
            wake = resolve
          })
      }
    } finally {
      offMessage()
      offClosed()
    }
  }

  #become(state: ConnectionState): void {
    if (state.status === 'closed') this.#requests.close()
    this.#events.emit('state', state)
    // A listener may have changed it again.
    if (state !== this.state || state.status === 'connecting') return
    this.#events.emit(state.status, state)
  }

  #receive(data: string | ArrayBuffer): void {
    let message: In
    try {
      message = this.#options.decode(data)
    } catch (cause) {
      return this.#fail('ERR_BAD_MESSAGE', cause)
    }
    if (!this.#requests.answer(message)) this.#events.emit('message', message)
  }

  #hello(hello: ClientOptions<Out, In>['hello']): Payload | undefined {
    try {
      const message = hello?.()
      return message === undefined ? undefined : this.#encode(message)
    } catch (cause) {
      this.#fail('ERR_PROVIDER_FAILED', cause)
      return undefined
    }
  }

  #encode(message: Out | (object & { id: string })): Payload {
    try {
      return this.#options.encode(message)
    } catch (cause) {
      throw new ClientError('ERR_BAD_MESSAGE', String(cause), cause)
    }
  }

  #fail(code: ClientError['code'], cause: unknown): void {
    this.#events.emit('error', new ClientError(code, String(cause), cause))
  }
}

function encodeJson(message: unknown): string {
  const text = JSON.stringify(message) as string | undefined
  if (text === undefined) throw new TypeError('no JSON value')
  return text
}

function decodeJson(data: string | ArrayBuffer): unknown {
  if (typeof data !== 'string') throw new TypeError('a binary message, and no decode option')
  return JSON.parse(data)
}

function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve!: (value: T) => void
  const promise = new Promise<T>((settle) => {
    resolve = settle
  })
  return { promise, resolve }
}
