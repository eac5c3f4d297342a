import { closeCodes } from '../asgi/close-codes.ts'
import type { HeadersInit } from '../asgi/headers.ts'
import { isProduction } from '../asgi/is-production.ts'
import { httpStatusOf } from '../asgi/http-status.ts'
import type { WebSocketScope } from '../asgi/scope.ts'
import type { Authenticated } from '../asgi/user.ts'
import { sharedSend } from '../asgi/shared-send.ts'
import type { WebSocketReceiveEvent, WebSocketSendEvent } from '../asgi/websocket-events.ts'
import { TidewayError } from '../errors/tideway-error.ts'
import { Consumer, type WithChannelLayers } from './consumer.ts'
import type { Routed } from './routed.ts'
import { AcceptConnection, DenyConnection, StopConsumer } from './signals.ts'
import type { TextOrBytes } from './text-or-bytes.ts'

/** Classes whose `connect()` was reported as returning without an answer. */
const warnedOf = new WeakSet<Function>()

const noGroups: readonly string[] = Object.freeze([])

/** The scope of a WebSocket consumer: the connection, its URL arguments, and what its middleware adds. */
export type WebSocketConsumerScope<Kwargs extends object, Extra extends object> = WebSocketScope &
  WithChannelLayers &
  Routed<Kwargs> &
  Extra

/** How a handshake is completed. */
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
 * of message that comes from the channel layer. Where everybody is sent the same, make it static and return the message.
 *
 * `Kwargs` are the arguments taken from the URL. `Extra` is what middleware must have put in the scope: a user, unless it
 * is given as `object` by a consumer that serves everybody.
 */
export abstract class WebSocketConsumer<
  Kwargs extends object = {},
  Extra extends object = Authenticated,
> extends Consumer<WebSocketConsumerScope<Kwargs, Extra>> {
  static override scopeType = 'websocket' as const

  /** Groups that the consumer is in from before `connect()` to its end. */
  readonly groups: readonly string[] = noGroups

  #accepted = false
  /** The handshake has been accepted or refused. */
  #answered = false

  /** A client asks for the connection: accept, deny, or wait. The default accepts. */
  connect(): void | Promise<void> {
    return this.accept()
  }

  /** A message of the client. The default takes no notice of it. */
  receive(_message: TextOrBytes): void | Promise<void> {}

  /**
   * The connection has ended. Runs exactly once, whatever ended it, even if it was never accepted; every group is left
   * afterwards. The code is the one of the close frame, 1005 when the peer gave none, 1006 when the connection was lost,
   * 1011 when a handler threw.
   */
  disconnect(_code: number, _reason: string): void | Promise<void> {}

  /** Accepts the connection. */
  accept(options: AcceptOptions = {}): void | Promise<void> {
    this.#answered = true
    const sent = this.sendEvent({ type: 'websocket.accept', ...options })
    // Not before: what is refused to be sent leaves the handshake without an answer.
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
   * Sends one message. Returns nothing when it was taken at once; a promise when the connection is above its high-water
   * mark, which resolves when it is below again.
   * @throws TidewayError `ERR_BAD_EVENT` unless the message is exactly one of a string as `text` and a `Uint8Array` as `bytes`
   */
  send(message: TextOrBytes): void | Promise<void> {
    // One of the two may be there as null, as in ASGI.
    const text = message?.text ?? undefined
    const bytes = message?.bytes ?? undefined
    if (typeof text === 'string' && bytes === undefined) return this.sendEvent({ type: 'websocket.send', text })
    if (bytes instanceof Uint8Array && text === undefined) return this.sendEvent({ type: 'websocket.send', bytes })
    throw noMessage(this.constructor.name, message)
  }

  /** Closes the connection; before `accept()` it refuses it with 403. */
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

  /** Closes before `disconnect` runs, so that the client does not wait for it. */
  protected override handleFailure(error: unknown, isReported: boolean): void | PromiseLike<void> {
    if (this.#accepted) return this.close(closeCodes.internalError)
    // As the server answers an error, which it does not see here.
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

  /** No async function, which would be one more a connection than what it waits for. */
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

  /** Warns once for each class while developing: a timer or a message of the layer may still answer, but seldom does. */
  #warnUnanswered(): void {
    if (this.#answered || isProduction() || warnedOf.has(this.constructor)) return
    warnedOf.add(this.constructor)
    this.logger.warn(
      { path: this.scope.path },
      `${this.constructor.name}.connect() returned and neither accepted nor refused: await this.accept(). ` +
        'The handshake waits until a handler answers it, or until connectTimeoutMs is over.',
    )
  }

  async #joinAndConnect(): Promise<void> {
    for (const group of this.groups) await this.channelLayer.groupAdd(group, this.channelName)
    await this.connect()
  }

  /** What `connect()` threw may be an answer. */
  async #answerThrown(error: unknown): Promise<void> {
    if (error instanceof AcceptConnection) await this.accept()
    else if (error instanceof DenyConnection) await this.close()
    else {
      // Who stops without an answer means no.
      if (error instanceof StopConsumer && !this.#accepted) await this.close()
      throw error
    }
  }
}

/** The error of a message that is none: says what came, and what to write. */
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
