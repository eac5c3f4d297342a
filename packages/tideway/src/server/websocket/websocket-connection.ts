import type { Duplex } from 'node:stream'
import type { Application } from '../../asgi/application.ts'
import type { EndListener } from '../../asgi/application-end.ts'
import { closeCodes } from '../../asgi/close-codes.ts'
import { httpStatusOf } from '../../asgi/http-status.ts'
import { NoRouteError } from '../../asgi/no-route-error.ts'
import { setDirectReceiver, type DirectReceiver, type EventListener } from '../../asgi/direct-receiver.ts'
import { setDirectSender, unansweredHandshake } from '../../asgi/direct-sender.ts'
import type { WebSocketScope } from '../../asgi/scope.ts'
import { nextWebSocketState, type WebSocketState } from '../../asgi/websocket-turns.ts'
import type {
  WebSocketAcceptEvent,
  WebSocketCloseEvent,
  WebSocketDenialBodyEvent,
  WebSocketDenialStartEvent,
  WebSocketDisconnectEvent,
  WebSocketReceiveEvent,
  WebSocketSendEvent,
} from '../../asgi/websocket-events.ts'
import { readableError } from '../../errors/readable-error.ts'
import { isConnectionClosed } from '../../errors/connection-closed.ts'
import { TidewayError } from '../../errors/tideway-error.ts'
import { errorAnswer } from '../handshake/application-errors.ts'
import type { BufferHolder } from '../transport/buffered-bytes.ts'
import { wholeMilliseconds, type Heartbeat, type HeartbeatClient } from '../transport/heartbeat.ts'
import type { RefusalLog } from '../handshake/refusal-log.ts'
import type { RefusalReason } from '../handshake/refusal-reason.ts'
import { untilDrained } from '../transport/until-drained.ts'
import type { Compression } from './deflate/compression.ts'
import { hasContent } from '../handshake/handshake-answers.ts'
import type { ConnectionEnd, Opening } from './connection-phases.ts'
import type { PeerContext, PeerOwner, SlowOutcome, TrafficLimits } from './peer-owner.ts'
import { ReceivedEvents } from './received-events.ts'
import { runApplication } from './run-application.ts'
import { WebSocketPeer } from './websocket-peer.ts'
import type { Handshake } from '../handshake/handshake-result.ts'

/** The listener of all connections of a server. */
export interface ConnectionObserver {
  accepted(connection: WebSocketConnection): void
  /** The handshake was answered with this HTTP status instead. `reason`: one sentence, or `undefined`. */
  refused(connection: WebSocketConnection, status: number, reason: string | undefined): void
  /** The application threw. */
  failed(connection: WebSocketConnection, error: unknown): void
  ended(connection: WebSocketConnection, code: number): void
}

/** The shared objects of a server's connections. */
export interface ConnectionContext extends PeerContext {
  readonly observer: ConnectionObserver | undefined
  readonly refusals: RefusalLog
  /** Has the connections from their handshake to the end of both the socket and the application. */
  readonly heartbeat: Heartbeat<WebSocketConnection>
  /** `undefined`: no limits. */
  readonly limits?: TrafficLimits | undefined
  /** `undefined`: no connection is compressed. */
  readonly compression?: Compression | undefined
}

/**
 * Resumptions of reading per connection before other connections get their turn. 256 small messages that are each sent to a
 * group take about 4 ms.
 */
const MESSAGES_PER_TURN = 256

/** The application side of one WebSocket: its events, its states, its end. */
export class WebSocketConnection
  extends ReceivedEvents
  implements PeerOwner, HeartbeatClient, BufferHolder, DirectReceiver<WebSocketReceiveEvent>, EndListener
{
  /** `undefined` after the accept. */
  #opening: Opening | undefined
  readonly #context: ConnectionContext
  readonly #path: string
  #state: WebSocketState = 'connecting'
  readonly #peer: WebSocketPeer
  #startedAt: number
  /** In the state `ended`. The disconnect event is in the inbox then. */
  #end: ConnectionEnd | undefined
  #onEnd: ((event: WebSocketDisconnectEvent) => void) | undefined
  #onDrain: ((withinMs: number) => void) | undefined
  #paused = false
  /** Resumptions since the last wait for a turn of the event loop. */
  #resumed = 0
  #onSocketClosed = false
  #applicationEnded = false

  constructor(socket: Duplex, handshake: Handshake, path: string, context: ConnectionContext) {
    super()
    this.#opening = { socket, handshake, denialHasBody: true }
    this.#path = path
    this.#context = context
    const { compression } = context
    const agreed = handshake.compression
    const owner = context.limits?.ownerOf(this) ?? this
    const negotiated = compression && agreed && { compression, parameters: agreed }
    this.#peer = new WebSocketPeer(socket, context, owner, negotiated)
    this.#startedAt = wholeMilliseconds()
  }

  /** Runs the application. */
  start(application: Application<WebSocketScope>, scope: WebSocketScope): void {
    this.#context.heartbeat.add(this)
    this.pushEvent({ type: 'websocket.connect' })
    this.#run(application, scope)
  }

  /** The next event for the application. After the end, every call returns the disconnect event. */
  receive(): WebSocketReceiveEvent | Promise<WebSocketReceiveEvent> {
    return this.#next() ?? new Promise((resolve) => this.waitForEvent({ onEvent: resolve }))
  }

  /** The same without a promise. */
  receiveOr(listener: EventListener<WebSocketReceiveEvent>): WebSocketReceiveEvent | undefined {
    const event = this.#next()
    if (event === undefined) this.waitForEvent(listener)
    return event
  }

  #next(): WebSocketReceiveEvent | undefined {
    const event = this.shiftEvent()
    if (event === undefined) return this.#end?.event
    this.#readOn()
    return event
  }

  get #isFull(): boolean {
    const { maxInboxMessages, maxInboxBytes } = this.#context.options
    return this.hasEvents(maxInboxMessages, maxInboxBytes)
  }

  /** Reads the socket again if the inbox has room. */
  #readOn(): void {
    if (!this.#paused || this.#isFull) return
    this.#paused = false
    this.#resumeReading()
  }

  /**
   * Resumes reading, at once or in the next turn of the event loop. Otherwise an application that handles messages as fast as they
   * are parsed would read all available data: a flood of small messages is 50,000 and more per turn.
   */
  #resumeReading(): void {
    if (++this.#resumed < MESSAGES_PER_TURN) {
      this.#peer.resume()
      return
    }
    this.#resumed = 0
    setImmediate(() => this.#peer.resume())
  }

  /** Handles an event of the application. */
  send(event: WebSocketSendEvent): void | Promise<void> {
    const isMessage = event.type === 'websocket.send' && this.#state === 'open'
    // The peer checks messages itself.
    const next = isMessage ? this.#state : nextWebSocketState(this.#state, event)
    if (typeof next !== 'string') throw this.#counted(next)
    switch (event.type) {
      case 'websocket.send':
        return this.#peer.sendMessage(event)
      case 'websocket.accept':
        this.#accept(event, next)
        return undefined
      case 'websocket.close':
        this.#close(event, next)
        return undefined
      case 'websocket.http.response.start':
        this.#startDenial(event, next)
        return undefined
      case 'websocket.http.response.body':
        return this.#denialBody(event, next)
    }
  }

  /** Whether the application can tell its client to move to another process. */
  get canMove(): boolean {
    return this.#state === 'open' && this.#onDrain !== undefined
  }

  /** Calls the listener of the application for the drain. */
  announceDrain(withinMs: number): void {
    if (!this.canMove) return
    try {
      this.#onDrain!(withinMs)
    } catch (error) {
      this.#report(error)
    }
  }

  /** Closes the connection from the server's side in any state. */
  shutDown(code: number, reason: string): void {
    if (this.#state === 'open') this.#peer.close(code, reason)
    else if (this.#isUnanswered)
      this.#refuse(503, 'The server is shutting down.', 'shuttingDown', 'The server is shutting down.')
  }

  /** Destroys the socket without a close frame. */
  destroy(): void {
    this.#peer.destroy()
  }

  /** Buffered bytes for the client and the application; 0 after the socket has closed. */
  get bufferedBytes(): number {
    if (this.#onSocketClosed) return 0
    return this.eventBytes + this.#peer.bufferedBytes
  }

  /** Destroys the connection, since the server keeps too many bytes. */
  discard(): void {
    const { logger } = this.#context.options
    const message = 'The server keeps too many bytes: destroyed the WebSocket with the most.'
    logger.warn({ path: this.#path, bytes: this.bufferedBytes }, message)
    this.destroy()
  }

  check(now: number): void {
    const { options } = this.#context
    this.#peer.check(now)
    const { maxAgeMs } = options
    if (maxAgeMs !== false && now - this.#startedAt >= maxAgeMs && this.#state === 'open') {
      this.#peer.close(closeCodes.normal, 'open for too long')
    }
    if (this.#isUnanswered && now - this.#startedAt >= options.connectTimeoutMs) this.#timeOut()
    if (this.#end === undefined || this.#applicationEnded || now - this.#end.at < options.applicationCloseTimeoutMs)
      return
    options.logger.warn(
      { path: this.#path },
      `The application is still running ${options.applicationCloseTimeoutMs} ms after its connection ended: return when receive() gives websocket.disconnect.`,
    )
    // A running function cannot be stopped. The server warns once and stops waiting.
    this.#applicationEnded = true
    this.#removeIfDone()
  }

  onMessage(message: string | Buffer): boolean {
    this.pushEvent(
      typeof message === 'string'
        ? { type: 'websocket.receive', text: message, bytes: undefined }
        : { type: 'websocket.receive', bytes: message, text: undefined },
    )
    this.#paused = this.#isFull
    return !this.#paused
  }

  onSlow(outcome: SlowOutcome): void {
    const message = `A client reads too slowly: ${outcome}.`
    this.#context.options.logger.warn({ path: this.#path, code: 'ERR_SLOW_CONSUMER' }, message)
  }

  onPeerClosed(code: number, reason: string): void {
    if (this.#state === 'ended') return
    const { counters } = this.#context
    if (this.#state === 'open' || this.#state === 'closing') counters.countClosed(code)
    else if (this.#state === 'connecting') counters.refused.abandoned++
    this.#state = 'ended'
    const event: WebSocketDisconnectEvent = { type: 'websocket.disconnect', code, reason }
    this.#end = { at: wholeMilliseconds(), event }
    this.pushEvent(event)
    this.#onEnd?.(event)
    this.#context.observer?.ended(this, code)
  }

  onSocketClosed(): void {
    this.#onSocketClosed = true
    this.#removeIfDone()
  }

  /**
   * Not an async function: an idle connection would keep its frame and the first scope permanently. All closures that the
   * connection keeps are created here, because the closures of one call share one context.
   */
  #run(application: Application<WebSocketScope>, scope: WebSocketScope): void {
    const receive = (): WebSocketReceiveEvent | Promise<WebSocketReceiveEvent> => this.receive()
    setDirectReceiver(receive, this)
    const send = (event: WebSocketSendEvent): void | Promise<void> => this.send(event)
    setDirectSender(send, this.#peer)
    // Sets the existing slots, because a copy of the scope costs memory per connection.
    const withSlots: { onEnd?: WebSocketScope['onEnd']; onDrain?: WebSocketScope['onDrain'] } = scope
    withSlots.onEnd = (listener) => {
      if (this.#end === undefined) this.#onEnd = listener
      else listener(this.#end.event)
    }
    withSlots.onDrain = (listener) => {
      this.#onDrain = listener
    }
    runApplication(application, [scope, receive, send], this)
  }

  applicationReturned(): void {
    this.#endUnfinished()
    this.#applicationDone()
  }

  /** Ends the connection that the application left open. */
  #endUnfinished(): void {
    if (this.#state === 'open') this.#peer.close(closeCodes.normal, '')
    else if (this.#state === 'denying') this.#endDenial()
    else if (this.#state === 'connecting') {
      const error = new TidewayError(
        'ERR_APPLICATION_RETURNED',
        'The application returned without an answer to the handshake: accept it, close it, or send a denial response.',
      )
      this.#report(error)
      this.#refuse(500, 'Internal Server Error', 'applicationFailed')
    }
  }

  applicationThrew(thrown: unknown): void {
    const error = readableError(thrown)
    // The application sent before it received the disconnect event. The error may come from another connection, though.
    const isLateSend = this.#peer.isEnding && isConnectionClosed(error)
    if (!isLateSend) this.#answerForError(error)
    this.#applicationDone()
  }

  #answerForError(error: unknown): void {
    this.#context.observer?.failed(this, error)
    this.#report(error)
    if (this.#state === 'open') this.#peer.close(closeCodes.internalError, '')
    else if (this.#state === 'denying') this.#peer.destroy()
    else if (this.#state === 'connecting') {
      const { status, message } = errorAnswer(error)
      const reason = error instanceof NoRouteError ? this.#context.refusals.noRoute(error) : message
      if (status < 500) this.#refuse(status, reason, 'byApplication', reason)
      else this.#refuse(status, reason, 'applicationFailed')
    }
  }

  #report(error: unknown): void {
    const { logger } = this.#context.options
    const status = httpStatusOf(error)
    // A client can cause these errors, for example with an unknown path or an invalid token.
    if (error instanceof NoRouteError && this.#state === 'connecting') {
      this.#context.refusals.warnDeveloper(this.#path, this.#context.refusals.noRoute(error))
    } else if (status !== undefined && status < 500) logger.debug({ path: this.#path }, (error as Error).message)
    else logger.error({ err: error, path: this.#path }, 'The application failed on a WebSocket connection')
  }

  #accept({ subprotocol, headers = [] }: WebSocketAcceptEvent, next: WebSocketState): void {
    const { socket, handshake } = this.#opening!
    handshake.answers.accept(socket, handshake, subprotocol, headers)
    if (subprotocol === undefined && handshake.subprotocols.length > 0) this.#warnOfNoSubprotocol()
    this.#opening = undefined
    this.#peer.pendingHandshake = undefined
    this.#state = next
    this.#peer.open()
    this.#context.counters.accepted++
    this.#context.limits?.countBytes(socket, this)
    this.#context.observer?.accepted(this)
  }

  /** WHATWG WebSockets: a browser that offers subprotocols fails a connection without one. */
  #warnOfNoSubprotocol(): void {
    // The message omits the names, because one of them may be a token.
    this.#context.refusals.warnDeveloper(
      this.#path,
      'The application chose none of the subprotocols that the client offered, so browsers fail the connection: pass one to ' +
        'accept({ subprotocol }), or have the client offer none.',
    )
  }

  #close({ code = closeCodes.normal, reason = '' }: WebSocketCloseEvent, next: WebSocketState): void {
    if (this.#state === 'connecting') {
      const answer = this.#context.refusals.answerOf(reason, 'Forbidden')
      this.#refuse(403, answer, 'byApplication', reason === '' ? undefined : reason)
      return
    }
    // A close has no effect after an earlier one, or after the end.
    if (this.#state === next) return
    this.#state = next
    this.#peer.close(code, reason)
  }

  #startDenial({ status, headers = [] }: WebSocketDenialStartEvent, next: WebSocketState): void {
    const opening = this.#opening!
    opening.handshake.answers.startDenial(opening.socket, status, headers)
    opening.denialHasBody = hasContent(status)
    this.#context.observer?.refused(this, status, undefined)
    this.#context.counters.refused.byApplication++
    this.#state = next
    this.#startedAt = wholeMilliseconds()
  }

  #denialBody({ body = '' }: WebSocketDenialBodyEvent, next: WebSocketState): void | Promise<void> {
    const { socket, denialHasBody } = this.#opening!
    const isBelow = !denialHasBody || socket.write(body)
    if (next === 'ended') this.#endDenial()
    else if (!isBelow) return untilDrained(socket)
    return undefined
  }

  #endDenial(): void {
    this.#peer.end()
  }

  /** Rejects the handshake with a response in plain text. `cause`: the reason for the access log. */
  #refuse(status: number, message: string, reason: RefusalReason, cause?: string): void {
    if (this.#state === 'connecting') {
      const { socket, handshake } = this.#opening!
      handshake.answers.denyPlainly(socket, { status, message, headers: [] })
      this.#context.observer?.refused(this, status, cause)
      this.#context.counters.refused[reason]++
      this.#state = 'denying'
    }
    this.#endDenial()
  }

  #timeOut(): void {
    const { connectTimeoutMs } = this.#context.options
    const message =
      this.#state === 'denying'
        ? `The application did not finish its denial response within ${connectTimeoutMs} ms.`
        : unansweredHandshake(this.#peer.pendingHandshake, connectTimeoutMs)
    const error = new TidewayError('ERR_APPLICATION_TIMEOUT', message)
    // Its frames are those of a timer of the server, and say nothing about the application.
    error.stack = String(error)
    this.#report(error)
    if (this.#state === 'denying') this.#peer.destroy()
    else this.#refuse(503, 'Application failed to respond within time limit.', 'applicationTimeout', error.message)
  }

  get #isUnanswered(): boolean {
    return this.#state === 'connecting' || this.#state === 'denying'
  }

  #counted(error: TidewayError): TidewayError {
    if (isConnectionClosed(error)) this.#context.counters.webSocketSendsAfterEnd++
    return error
  }

  #applicationDone(): void {
    this.#applicationEnded = true
    this.#removeIfDone()
  }

  #removeIfDone(): void {
    if (!this.#onSocketClosed || !this.#applicationEnded) return
    this.#context.heartbeat.delete(this)
  }
}
