import type { Application } from '../asgi/application.ts'
import { closeCodes } from '../asgi/close-codes.ts'
import { HeaderList } from '../asgi/headers.ts'
import type { WebSocketScope } from '../asgi/scope.ts'
import type {
  WebSocketDenialStartEvent,
  WebSocketDisconnectEvent,
  WebSocketReceiveEvent,
  WebSocketSendEvent,
} from '../asgi/websocket-events.ts'
import { nextWebSocketState, type WebSocketState } from '../asgi/websocket-turns.ts'
import { TidewayError } from '../errors/tideway-error.ts'
import { acceptFields, denialFields } from '../server/handshake/handshake-answers.ts'
import { ApplicationRun } from './application-run.ts'
import { DEFAULT_SILENCE_MS, DEFAULT_TIMEOUT_MS } from './communicator-options.ts'
import { connectionScope } from './connection-scope.ts'
import type { ConnectionOptions, OptionsArgument, WithScope } from './scope-option.ts'
import { TestResponse } from './test-response.ts'

/** The options of {@link WebSocketCommunicator}. */
export interface WebSocketCommunicatorOptions extends ConnectionOptions {
  /** The subprotocols that the client offers in `Sec-WebSocket-Protocol`, best first. @default none */
  readonly subprotocols?: readonly string[] | undefined
}

/** The application has accepted the handshake. */
export interface HandshakeAccepted {
  readonly accepted: true
  /** The subprotocol that the application has chosen. */
  readonly subprotocol: string | undefined
  /** The headers that the application has added to the response. */
  readonly headers: HeaderList
}

/** The application has rejected the handshake: with 403 if it closed the connection, or with its own response. */
export class HandshakeRefused extends TestResponse {
  readonly accepted = false
}

/** The answer to a handshake. */
export type ConnectResult = HandshakeAccepted | HandshakeRefused

/** The close of a connection by the application. */
export interface ConnectionClose {
  readonly code: number
  readonly reason: string
}

/**
 * A WebSocket client without a network: a test talks to an application as a client does. The events of the application are checked by
 * the rules of the server. If the application closes the connection, it gets the same disconnect as behind the server. The application
 * starts at {@link connect}.
 *
 * `options.scope` has the properties that middleware adds to the scope. The compiler requires those that the application needs;
 * `user` is anonymous by default.
 *
 * Every call that waits has a timeout. A timeout neither removes a message nor stops the application: a late message stays for the
 * next call. If the application throws, the next call rejects with that error as the `cause`.
 *
 * @example
 * const socket = new WebSocketCommunicator(application, '/ws/chat/lobby/')
 * expect(await socket.connect()).toMatchObject({ accepted: true })
 * socket.sendTo('hello')
 * expect(await socket.receiveFrom()).toBe('hello')
 * await socket.disconnect()
 */
export class WebSocketCommunicator<S extends WebSocketScope = WebSocketScope> {
  /** The scope of the application. */
  readonly scope: S
  readonly #timeoutMs: number
  /** The subprotocols that the client has offered. */
  readonly #subprotocols: readonly string[]
  #state: WebSocketState = 'connecting'
  readonly #run: ApplicationRun<WebSocketReceiveEvent, WebSocketSendEvent>
  #asked = false
  #denial: { readonly start: WebSocketDenialStartEvent; readonly body: Buffer[]; isComplete: boolean } | undefined
  #answer: ConnectResult | undefined
  #end: WebSocketDisconnectEvent | undefined
  #onEnd: ((event: WebSocketDisconnectEvent) => void) | undefined
  #onDrain: ((withinMs: number) => void) | undefined

  /** @param url a path with or without a query, or an absolute URL */
  constructor(
    application: Application<S>,
    url: string,
    ...[options]: OptionsArgument<WithScope<WebSocketCommunicatorOptions, S>>
  ) {
    const given: WebSocketCommunicatorOptions & { readonly scope?: object } = options ?? {}
    const { scope, subprotocols = [], timeoutMs = DEFAULT_TIMEOUT_MS } = given
    const request = connectionScope(url, ['ws', 'wss'], given)
    // The compiler requires the other properties of S in options.scope.
    this.scope = {
      ...request,
      type: 'websocket',
      subprotocols,
      onEnd: this.#setOnEnd,
      onDrain: this.#setOnDrain,
      ...scope,
    } as unknown as S
    this.#timeoutMs = timeoutMs
    this.#subprotocols = subprotocols
    const owner = {
      acceptsOutput: (event: WebSocketSendEvent) => this.#acceptsOutput(event),
      outputAtReturn: () => (this.#state === 'open' ? ({ type: 'websocket.close' } as const) : undefined),
    }
    this.#run = new ApplicationRun(owner, (receive, send) =>
      (application as unknown as Application<WebSocketScope>)(this.scope, receive, send),
    )
  }

  /** Starts the handshake and waits for the answer. After a timeout it can be called again to continue to wait. */
  async connect(timeoutMs: number = this.#timeoutMs): Promise<ConnectResult> {
    if (!this.#asked) this.#run.give({ type: 'websocket.connect' })
    this.#asked = true
    this.#answer ??= await this.#receiveAnswer(timeoutMs)
    return this.#answer
  }

  /** Sends the application a message: a string as text, a `Uint8Array` as bytes. Both may be empty. */
  sendTo(message: string | Uint8Array): void {
    if (this.#state !== 'open' && !this.#run.hasEnded) throw notOpen(this.#state)
    if (typeof message === 'string') this.#run.give({ type: 'websocket.receive', text: message })
    else this.#run.give({ type: 'websocket.receive', bytes: message })
  }

  /** Sends the application a message as JSON text. */
  sendJsonTo(content: unknown): void {
    this.sendTo(JSON.stringify(content))
  }

  /** Waits for the next message of the application: a string if it sent text, a `Uint8Array` if it sent bytes. */
  async receiveFrom(timeoutMs: number = this.#timeoutMs): Promise<string | Uint8Array> {
    return this.#run.take('websocket.send', messageIn, timeoutMs)
  }

  /** Waits for the next message of the application, and parses it as JSON text. */
  async receiveJsonFrom(timeoutMs: number = this.#timeoutMs): Promise<unknown> {
    const message = await this.receiveFrom(timeoutMs)
    try {
      if (typeof message === 'string') return JSON.parse(message) as unknown
    } catch (cause) {
      const text = JSON.stringify(message.slice(0, 100))
      throw new TidewayError('ERR_TEST_EXPECTATION', `Expected JSON text, but got ${text}.`, { cause })
    }
    throw new TidewayError('ERR_TEST_EXPECTATION', `Expected JSON text, but got ${message.byteLength} bytes.`)
  }

  /** Resolves with whether the application sends nothing within this time. An event that it sends stays for the next call. */
  receiveNothing(timeoutMs: number = DEFAULT_SILENCE_MS): Promise<boolean> {
    return this.#run.isSilent(timeoutMs)
  }

  /**
   * Resolves if the application sends nothing within this time. Otherwise rejects with an error that shows the event, which stays for
   * the next call.
   * @throws TidewayError `ERR_TEST_EXPECTATION`
   */
  expectNothing(timeoutMs: number = DEFAULT_SILENCE_MS): Promise<void> {
    return this.#run.expectNothing(timeoutMs)
  }

  /** Announces that the server closes the connection in this time, as a server does before it stops. */
  announceDrain(withinMs: number): void {
    this.#onDrain?.(withinMs)
  }

  /** Waits until the application closes the connection. An application that returns closes it with 1000, as behind the server. */
  receiveClose(timeoutMs: number = this.#timeoutMs): Promise<ConnectionClose> {
    return this.#run.take('websocket.close', closeIn, timeoutMs)
  }

  /**
   * Closes the connection from the client's side if it is open, and waits until the application has ended. Rejects with the error that the
   * application threw, unless an earlier call has reported it.
   * @param code use 1006 to test a lost network
   */
  async disconnect(code: number = closeCodes.normal, reason = '', timeoutMs: number = this.#timeoutMs): Promise<void> {
    if (!this.#asked) return
    if (this.#state !== 'ended') this.#endConnection(code, reason)
    await this.#run.finished(timeoutMs)
  }

  /** Waits until the application has ended. Rejects with the error that it threw. */
  wait(timeoutMs: number = this.#timeoutMs): Promise<void> {
    return this.#run.ended(timeoutMs)
  }

  /** Calls {@link disconnect}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.disconnect()
  }

  async #receiveAnswer(timeoutMs: number): Promise<ConnectResult> {
    if (this.#denial === undefined) {
      const answer = await this.#run.take('an answer to the handshake', answerIn, timeoutMs)
      if (answer.type === 'websocket.accept') {
        return { accepted: true, subprotocol: answer.subprotocol, headers: HeaderList.from(answer.headers ?? []) }
      }
      if (answer.type === 'websocket.close') return new HandshakeRefused(403, [], Buffer.alloc(0))
      this.#denial = { start: answer, body: [], isComplete: false }
    }
    const { start, body } = this.#denial
    while (!this.#denial.isComplete) {
      const piece = await this.#run.take('the rest of the denial response', denialBodyIn, timeoutMs)
      body.push(Buffer.from(piece.body ?? ''))
      this.#denial.isComplete = piece.moreBody !== true
    }
    return new HandshakeRefused(start.status, start.headers ?? [], Buffer.concat(body))
  }

  #acceptsOutput(event: WebSocketSendEvent): boolean {
    const before = this.#state
    const next = nextWebSocketState(before, event)
    if (typeof next !== 'string') throw next
    // Drops a close after the end.
    if (before === 'ended') return false
    this.#requireFields(event)
    this.#state = next
    // As in the server: the code of the application's close, or 1006 for a rejected handshake.
    if (next === 'closing') {
      const { code, reason } = closeIn(event)!
      this.#endConnection(code, reason)
    } else if (next === 'ended') this.#endConnection(closeCodes.abnormal, '')
    return true
  }

  /** Checks an answer to the handshake as the server does. */
  #requireFields(event: WebSocketSendEvent): void {
    const { type } = event
    if (type === 'websocket.accept') {
      acceptFields({ subprotocols: this.#subprotocols }, event.subprotocol, event.headers ?? [])
    } else if (type === 'websocket.http.response.start') denialFields(event.status, event.headers ?? [])
  }

  #endConnection(code: number, reason: string): void {
    this.#state = 'ended'
    this.#end = { type: 'websocket.disconnect', code, reason }
    this.#run.giveLast(this.#end)
    this.#onEnd?.(this.#end)
  }

  readonly #setOnEnd: NonNullable<WebSocketScope['onEnd']> = (listener) => {
    if (this.#end === undefined) this.#onEnd = listener
    else listener(this.#end)
  }

  readonly #setOnDrain: NonNullable<WebSocketScope['onDrain']> = (listener) => {
    this.#onDrain = listener
  }
}

function messageIn(event: WebSocketSendEvent): string | Uint8Array | undefined {
  return event.type === 'websocket.send' ? (event.text ?? event.bytes) : undefined
}

function closeIn(event: WebSocketSendEvent): ConnectionClose | undefined {
  if (event.type !== 'websocket.close') return undefined
  const { code = closeCodes.normal, reason = '' } = event
  return { code, reason }
}

type DenialBodyEvent = Extract<WebSocketSendEvent, { readonly type: 'websocket.http.response.body' }>
type MessageEvent = Extract<WebSocketSendEvent, { readonly type: 'websocket.send' }>

function denialBodyIn(event: WebSocketSendEvent): DenialBodyEvent | undefined {
  return event.type === 'websocket.http.response.body' ? event : undefined
}

function answerIn(event: WebSocketSendEvent): Exclude<WebSocketSendEvent, DenialBodyEvent | MessageEvent> | undefined {
  return event.type === 'websocket.send' || event.type === 'websocket.http.response.body' ? undefined : event
}

function notOpen(state: WebSocketState): TidewayError {
  const why = state === 'ended' ? 'it has ended' : 'the application has not accepted it'
  return new TidewayError('ERR_TEST_EXPECTATION', `sendTo() needs an open connection, but ${why}.`)
}
