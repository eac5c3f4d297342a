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
import { TidewayError } from '../errors/tideway-error.ts'
import { ApplicationRun } from './application-run.ts'
import { DEFAULT_SILENCE_MS, DEFAULT_TIMEOUT_MS } from './communicator-options.ts'
import { connectionScope } from './connection-scope.ts'
import type { ConnectionOptions, OptionsArgument, WithScope } from './scope-option.ts'
import { TestResponse } from './test-response.ts'
import { WebSocketTurns, type WebSocketState } from './websocket-turns.ts'

/** What a {@link WebSocketCommunicator} takes. */
export interface WebSocketCommunicatorOptions extends ConnectionOptions {
  /** What the client offers in `Sec-WebSocket-Protocol`, best first. @default none */
  readonly subprotocols?: readonly string[] | undefined
}

/** The application has accepted the handshake. */
export interface HandshakeAccepted {
  readonly accepted: true
  /** The one that the application has chosen. */
  readonly subprotocol: string | undefined
  /** What the application has added to the response. */
  readonly headers: HeaderList
}

/** The application has refused the handshake: with 403 if it closed it, or with a response of its own. */
export class HandshakeRefused extends TestResponse {
  readonly accepted = false
}

/** The answer to a handshake. */
export type ConnectResult = HandshakeAccepted | HandshakeRefused

/** How the application has closed the connection. */
export interface ConnectionClose {
  readonly code: number
  readonly reason: string
}

/**
 * A WebSocket client without a network: tests talk to an application as a client would. What the application sends is
 * held to the same rules as behind the server, and when it closes the connection it gets the disconnect that it would get
 * there. It starts at {@link connect}.
 *
 * `options.scope` is what middleware would have put into the scope. Where the application asks for something there, the
 * compiler asks for it here; `user` is anonymous unless it is given.
 *
 * Every call that waits has a time-out. One whose time is over takes nothing and stops nothing: a message that comes late
 * is there for the next call. What the application throws is told by the next call, as the `cause` of its error.
 *
 * @example
 * const socket = new WebSocketCommunicator(application, '/ws/chat/lobby/')
 * expect(await socket.connect()).toMatchObject({ accepted: true })
 * socket.sendTo('hello')
 * expect(await socket.receiveFrom()).toBe('hello')
 * await socket.disconnect()
 */
export class WebSocketCommunicator<S extends WebSocketScope = WebSocketScope> {
  /** What the application is called with. */
  readonly scope: S
  readonly #timeoutMs: number
  readonly #turns: WebSocketTurns
  readonly #run: ApplicationRun<WebSocketReceiveEvent, WebSocketSendEvent>
  #asked = false
  #denial: { readonly start: WebSocketDenialStartEvent; readonly body: Buffer[]; isComplete: boolean } | undefined
  #answer: ConnectResult | undefined
  #end: WebSocketDisconnectEvent | undefined
  #onEnd: ((event: WebSocketDisconnectEvent) => void) | undefined

  /** @param url a path, with a query or without, or a whole URL */
  constructor(
    application: Application<S>,
    url: string,
    ...[options]: OptionsArgument<WithScope<WebSocketCommunicatorOptions, S>>
  ) {
    const given: WebSocketCommunicatorOptions & { readonly scope?: object } = options ?? {}
    const { scope, subprotocols = [], timeoutMs = DEFAULT_TIMEOUT_MS } = given
    const request = connectionScope(url, ['ws', 'wss'], given)
    // What S asks for beyond the request is in options.scope, or the compiler has refused the call.
    this.scope = { ...request, type: 'websocket', subprotocols, onEnd: this.#setOnEnd, ...scope } as unknown as S
    this.#timeoutMs = timeoutMs
    this.#turns = new WebSocketTurns(subprotocols)
    const owner = {
      takesOutput: (event: WebSocketSendEvent) => this.#takesOutput(event),
      outputAtReturn: () => (this.#turns.state === 'open' ? ({ type: 'websocket.close' } as const) : undefined),
    }
    this.#run = new ApplicationRun(owner, (receive, send) =>
      (application as unknown as Application<WebSocketScope>)(this.scope, receive, send),
    )
  }

  /** Asks for the connection and waits for the answer. Called again after a time-out, it goes on waiting. */
  async connect(timeoutMs: number = this.#timeoutMs): Promise<ConnectResult> {
    if (!this.#asked) this.#run.give({ type: 'websocket.connect' })
    this.#asked = true
    this.#answer ??= await this.#receiveAnswer(timeoutMs)
    return this.#answer
  }

  /** Sends the application a message: a string as text, bytes as bytes. Either may be empty. */
  sendTo(message: string | Uint8Array): void {
    if (this.#turns.state !== 'open' && !this.#run.hasEnded) throw notOpen(this.#turns.state)
    if (typeof message === 'string') this.#run.give({ type: 'websocket.receive', text: message })
    else this.#run.give({ type: 'websocket.receive', bytes: message })
  }

  /** Sends the application a message as JSON text. */
  sendJsonTo(content: unknown): void {
    this.sendTo(JSON.stringify(content))
  }

  /** The next message of the application: a string if it sent text, bytes if it sent bytes. */
  async receiveFrom(timeoutMs: number = this.#timeoutMs): Promise<string | Uint8Array> {
    return this.#run.take('websocket.send', messageIn, timeoutMs)
  }

  /** The next message of the application, which has to be JSON text. */
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

  /** Whether the application sends nothing for this time. What it sends is left for the next call. */
  receiveNothing(timeoutMs: number = DEFAULT_SILENCE_MS): Promise<boolean> {
    return this.#run.isSilent(timeoutMs)
  }

  /**
   * Waits this time for the application to send nothing. Rejects with what it sends, which is left for the next call.
   * @throws TidewayError `ERR_TEST_EXPECTATION`
   */
  expectNothing(timeoutMs: number = DEFAULT_SILENCE_MS): Promise<void> {
    return this.#run.expectNothing(timeoutMs)
  }

  /** Waits until the application closes the connection. One that just returns closes it with 1000, as behind the server. */
  receiveClose(timeoutMs: number = this.#timeoutMs): Promise<ConnectionClose> {
    return this.#run.take('websocket.close', closeIn, timeoutMs)
  }

  /**
   * Ends the connection from the client's side, if it has not ended, and waits until the application has. Rejects with
   * what the application threw, unless an earlier call has told that.
   * @param code 1006 is what an application gets when the network is lost
   */
  async disconnect(code: number = closeCodes.normal, reason = '', timeoutMs: number = this.#timeoutMs): Promise<void> {
    if (!this.#asked) return
    if (this.#turns.state !== 'ended') this.#endConnection(code, reason)
    await this.#run.finished(timeoutMs)
  }

  /** Waits until the application has ended; rejects with what it threw. */
  wait(timeoutMs: number = this.#timeoutMs): Promise<void> {
    return this.#run.ended(timeoutMs)
  }

  /** Does what {@link disconnect} does, for `await using`. */
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

  #takesOutput(event: WebSocketSendEvent): boolean {
    const before = this.#turns.state
    const isTaken = this.#turns.take(event)
    if (isTaken && this.#turns.state === 'ended') {
      // The disconnect that the server gives it: that of its own close, or of a handshake that led to nothing.
      const { code, reason } = before === 'open' ? closeIn(event)! : { code: closeCodes.abnormal, reason: '' }
      this.#endConnection(code, reason)
    }
    return isTaken
  }

  #endConnection(code: number, reason: string): void {
    this.#turns.end()
    this.#end = { type: 'websocket.disconnect', code, reason }
    this.#run.giveLast(this.#end)
    this.#onEnd?.(this.#end)
  }

  readonly #setOnEnd: NonNullable<WebSocketScope['onEnd']> = (listener) => {
    if (this.#end === undefined) this.#onEnd = listener
    else listener(this.#end)
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
