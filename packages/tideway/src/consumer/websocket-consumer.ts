import { closeCodes } from '../asgi/close-codes.ts'
import type { HeadersInit } from '../asgi/headers.ts'
import { isProduction } from '../asgi/is-production.ts'
import { httpStatusOf } from '../asgi/http-status.ts'
import type { WebSocketScope } from '../asgi/scope.ts'
import type { Authenticated } from '../asgi/user.ts'
import { sharedSend } from '../asgi/shared-send.ts'
import type { WebSocketReceiveEvent, WebSocketSendEvent } from '../asgi/websocket-events.ts'
import { TidewayError } from '../errors/tideway-error.ts'
import { Consumer, type WithChannelLayers, type WithUrlRoute } from './consumer.ts'
import { AcceptConnection, DenyConnection, StopConsumer } from './signals.ts'
import type { TextOrBytes } from './text-or-bytes.ts'

/** Classes with a logged warning that `connect()` returned without an answer. */
const warnedOf = new WeakSet<Function>()

const noGroups: readonly string[] = Object.freeze([])

/** The scope of a WebSocket consumer: the connection, its URL arguments, and the additions of its middleware. */
export type WebSocketConsumerScope<Kwargs extends object, Extra extends object> = WebSocketScope &
  WithChannelLayers &
  WithUrlRoute<Kwargs> &
  Extra

/** Options of `accept()`. */
export interface AcceptOptions {
  /** One of `scope.subprotocols`. @default none */
  readonly subprotocol?: string | undefined
  /** Headers of the handshake response, such as `Set-Cookie`. @default none */
  readonly headers?: HeadersInit | undefined
}

/** The response that refuses a handshake. */
export interface DenyOptions {
  /** @default 403 */
  readonly status?: number | undefined
  readonly headers?: HeadersInit | undefined
  /** @default "" */
  readonly body?: string | Uint8Array | undefined
}

/**
 * Serves one WebSocket connection: override `connect`, `receive` and `disconnect`, and add an `on…` method for each type
 * of message of the channel layer. If all recipients are sent the same message, make the handler static and return the message.
 *
 * `Kwargs` are the arguments of the URL. `Extra` is the part of the scope that middleware must add: a user by default,
 * `object` for a consumer without authentication.
 */
export abstract class WebSocketConsumer<
  Kwargs extends object = {},
  Extra extends object = Authenticated,
> extends Consumer<WebSocketConsumerScope<Kwargs, Extra>> {
  static override scopeType = 'websocket' as const

  /** The consumer's groups, joined before `connect()` and left at its end. */
  readonly groups: readonly string[] = noGroups

  #accepted = false
  /** The handshake has been accepted or refused. */
  #answered = false

  /** Handles the handshake: accepts or denies it, now or later. The default accepts. */
  connect(): void | Promise<void> {
    return this.accept()
  }

  /** Handles a message of the client. The default ignores it. */
  receive(_message: TextOrBytes): void | Promise<void> {}

  /**
   * The connection has ended. Runs exactly once, also for a connection that was never accepted. Afterwards the consumer leaves
   * every group. The code is the one of the close frame: 1005 if the peer sent none, 1006 if the connection was lost, 1011 if a
   * handler threw.
   */
  disconnect(_code: number, _reason: string): void | Promise<void> {}

  /** Accepts the connection. */
  accept(options: AcceptOptions = {}): void | Promise<void> {
    this.#answered = true
    const sent = this.sendEvent({ type: 'websocket.accept', ...options })
    // Last: if sending throws, the handshake is still unanswered.
    if (sent !== undefined) return sent.then(() => this.#noteAccept())
    this.#noteAccept()
    return undefined
  }

  /** Refuses the connection with an HTTP response. */
  async deny({ status = 403, headers = [], body = '' }: DenyOptions = {}): Promise<void> {
    this.#answered = true
    await this.sendEvent({ type: 'websocket.http.response.start', status, headers })
    await this.sendEvent({ type: 'websocket.http.response.body', body })
  }

  /**
   * Sends one message. Returns `undefined`, or a promise if the connection is above its high-water mark. The promise resolves
   * when it is below again.
   * @throws TidewayError `ERR_BAD_EVENT` unless the message is exactly one of a string as `text` and a `Uint8Array` as `bytes`
   */
  send(message: TextOrBytes): void | Promise<void> {
    // One of the two may be null, as in ASGI.
    const text = message?.text ?? undefined
    const bytes = message?.bytes ?? undefined
    if (typeof text === 'string' && bytes === undefined) return this.sendEvent({ type: 'websocket.send', text })
    if (bytes instanceof Uint8Array && text === undefined) return this.sendEvent({ type: 'websocket.send', bytes })
    throw noMessage(this.constructor.name, message)
  }

  /** Closes the connection. Before `accept()` it refuses the handshake with 403. */
  close(code: number = closeCodes.normal, reason = ''): void | Promise<void> {
    this.#answered = true
    return this.sendEvent({ type: 'websocket.close', code, reason })
  }

  protected override handleEvent(event: WebSocketReceiveEvent): void | PromiseLike<void> {
    switch (event.type) {
      case 'websocket.receive':
        return this.receive(event)
      case 'websocket.connect':
        return this.#connect()
      case 'websocket.disconnect':
        // The run turns it into handleEnd.
        return undefined
    }
  }

  protected override handleEnd(code: number, reason: string): void | PromiseLike<void> {
    return this.disconnect(code, reason)
  }

  /** Closes before `disconnect` runs, so that the client does not wait for `disconnect`. */
  protected override handleFailure(error: unknown, isReported: boolean): void | PromiseLike<void> {
    if (this.#accepted) return this.close(closeCodes.internalError)
    // The answer of the server to an error, which does not reach the server here.
    if (isReported) return this.deny({ status: httpStatusOf(error) ?? 500 })
    return undefined
  }

  protected override sharedEvent(returned: unknown): WebSocketSendEvent | undefined {
    if (returned === undefined) return undefined
    const { text, bytes } = (returned ?? {}) as Partial<Record<'text' | 'bytes', unknown>>
    if (typeof text === 'string' && bytes === undefined) return sharedSend({ text })
    if (bytes instanceof Uint8Array && text === undefined) return sharedSend({ bytes })
    const { name } = this.constructor
    throw new TidewayError(
      'ERR_BAD_EVENT',
      `A static handler of ${name} returned no message: return { text } or { bytes }.`,
    )
  }

  #noteAccept(): void {
    this.#accepted = true
  }

  /** Not async, which saves one promise per connection. */
  #connect(): void | Promise<void> {
    try {
      const connecting = this.groups.length === 0 ? this.connect() : this.#joinAndConnect()
      if (connecting === undefined) return this.#warnUnanswered()
      return Promise.resolve(connecting).then(
        () => this.#warnUnanswered(),
        (error: unknown) => this.#answerThrown(error),
      )
    } catch (error) {
      return this.#answerThrown(error)
    }
  }

  /** Warns once per class in development: a timer or a message of the layer can still answer, but rarely does. */
  #warnUnanswered(): void {
    if (this.#answered || isProduction() || warnedOf.has(this.constructor)) return
    warnedOf.add(this.constructor)
    this.logger.warn(
      { path: this.scope.path },
      `${this.constructor.name}.connect() returned without accepting or refusing: call await this.accept(). ` +
        'The handshake waits until a handler answers it, or until connectTimeoutMs expires.',
    )
  }

  async #joinAndConnect(): Promise<void> {
    for (const group of this.groups) await this.channelLayer.groupAdd(group, this.channelName)
    await this.connect()
  }

  /** Handles an error of `connect()`, which may be an answer. */
  async #answerThrown(error: unknown): Promise<void> {
    if (error instanceof AcceptConnection) await this.accept()
    else if (error instanceof DenyConnection) await this.close()
    else {
      // StopConsumer before accept() rejects the handshake.
      if (error instanceof StopConsumer && !this.#accepted) await this.close()
      throw error
    }
  }
}

/** The error of an invalid message, with the right call. */
function noMessage(name: string, message: unknown): TidewayError {
  return new TidewayError(
    'ERR_BAD_EVENT',
    `send() of ${name} got ${shown(message)}: write send({ text: "…" }) or send({ bytes }), or sendJson(…) in a JsonWebSocketConsumer.`,
  )
}

function shown(message: unknown): string {
  if (typeof message === 'string') return `the string ${JSON.stringify(message.slice(0, 50))}`
  if (typeof message !== 'object' || message === null) return String(message)
  if (message instanceof Uint8Array) return 'a Uint8Array'
  const { text, bytes } = message as Partial<Record<'text' | 'bytes', unknown>>
  if ((text ?? bytes ?? undefined) === undefined)
    return `an object with the keys ${Object.keys(message).join(', ') || '(none)'}`
  if ((text ?? undefined) !== undefined && (bytes ?? undefined) !== undefined) return 'both text and bytes'
  return typeof text === 'string' || text === undefined || text === null
    ? `bytes of type ${typeof bytes}`
    : `text of type ${typeof text}`
}
