import { AsyncResource } from 'node:async_hooks'
import { types } from 'node:util'
import { jobEnd } from '../asgi/channel-events.ts'
import { closeCodes } from '../asgi/close-codes.ts'
import { consoleLogger, type Logger } from '../asgi/logger.ts'
import { directSenderOf, type DirectSender, type PendingHandshake } from '../asgi/direct-sender.ts'
import type { WebSocketMessageSendEvent } from '../asgi/websocket-events.ts'
import { readableError } from '../errors/readable-error.ts'
import { DEFAULT_CAPACITY } from '../layer/capacity.ts'
import type { ChannelLayer, ChannelReceiver, Delivery, Message } from '../layer/channel-layer.ts'
import { Mailbox } from '../layer/mailbox.ts'
import { withinDeadline } from './deadline.ts'
import { isAbortOf, isConnectionClosed, isTooLate, LATE_SENDS_AT_ONCE, lateSendPause } from './end-of-connection.ts'
import type { ProtocolEvent, RunConnection, RunOptions } from './run-options.ts'
import { leftBehind, noChannelLayer, sentAfterResponse, unhandledType } from './run-reports.ts'
import { SharedFailure, type Member, type SharedEvent } from './shared-handler.ts'
import { StopConsumer } from './signals.ts'

/** What a handler, or the end, threw. In a box, since `undefined` can be thrown too. */
interface Failure {
  readonly error: unknown
  /** Another consumer has told of it. */
  readonly isReported?: boolean
}

/**
 * One consumer's life: takes the messages of its channel, gives them and the events of its connection to the consumer one at
 * a time (see {@link Mailbox}), and ends it exactly once: `disconnect`, then out of every group, whatever the cause.
 */
export abstract class ConsumerLife<Event extends ProtocolEvent>
  extends Mailbox<Event, Message>
  implements ChannelReceiver, Member, PendingHandshake
{
  // What each message looks at comes first, and so lies together.
  /** Takes no more messages of its channel: it has failed, has ended, or has said all that it has to say. */
  #deaf = false
  readonly #options: RunOptions<Event>
  #directSender: DirectSender | undefined
  readonly consumer: object
  /**
   * The async context of the connection: what middleware has put into an `AsyncLocalStorage` around the application. A message
   * of the layer comes in the context of its sender, which is another connection's, or of a socket of Redis. It costs 15 to
   * 45 ns a message of some 2,000 (Node 20).
   */
  readonly #context = new AsyncResource('tideway.Consumer', { requireManualDestroy: true })
  readonly #send: object | undefined
  readonly #layer: ChannelLayer | undefined
  readonly #logger: Logger
  readonly #lastEventType: string | undefined
  #channelName: string | undefined
  #abort: AbortController | undefined
  #disconnected = false
  #failed = false
  #ended = false
  /** Sends that came after the end of the connection. */
  #lateSends = 0
  #overflowed = false
  #deadline: NodeJS.Timeout | undefined
  /** Settles what {@link run} returned: a rejected promise rejects it. */
  #settle!: (outcome: void | Promise<never>) => void

  constructor(
    consumer: object,
    options: RunOptions<Event>,
    { layer, logger = consoleLogger, lastEventType, send }: RunConnection<Event>,
  ) {
    super(options.capacity ?? DEFAULT_CAPACITY, options.overflow, options.capacityBytes)
    this.consumer = consumer
    this.#options = options
    this.#layer = layer
    this.#logger = logger
    this.#lastEventType = lastEventType
    this.#send = send
  }

  /** Runs the consumer to its end; rejects with what a handler threw. */
  run(): Promise<void> {
    return new Promise((resolve) => {
      this.#settle = resolve
      this.readConnection()
    })
  }

  /** Passes the events of the connection to {@link enter}, and its end to {@link noteEnd}. */
  protected abstract readConnection(): void

  /** Whether no more events are to be read. */
  protected get isOver(): boolean {
    return this.#failed || this.#ended
  }

  /** Whether the event is the last one of the connection. */
  protected isLast(event: Event): boolean {
    return event.type === this.#lastEventType
  }

  /** @throws TidewayError `ERR_NO_CHANNEL_LAYER` */
  get channelLayer(): ChannelLayer {
    if (this.#layer !== undefined) return this.#layer
    throw noChannelLayer(this.#options)
  }

  get handler(): string {
    return `${this.#options.name}.connect()`
  }

  get pendingCall(): string | undefined {
    const call = this.#channelName === undefined ? undefined : this.#layer!.pendingCallOf?.(this.#channelName)
    return call === undefined ? undefined : `${call} of the channel layer "${this.#options.channelLayerAlias}"`
  }

  /** Whether the consumer has a channel, so that something may still reach it. */
  get hasChannel(): boolean {
    return this.#channelName !== undefined
  }

  /**
   * The name of the consumer's own channel, which is made when it is first asked for. After the end it leads nowhere, and
   * adding it to a group has no effect: nothing would take it out again.
   */
  get channelName(): string {
    if (this.#channelName === undefined) {
      const layer = this.channelLayer
      const name = layer.newChannel()
      if (this.#ended) {
        // The layer adds a detached channel to no group. The name is used up whether or not this succeeds.
        layer.detach(name).catch(() => {})
      } else {
        this.capacity = this.#options.capacity ?? layer.capacityOf(name)
        layer.attach(name, this)
      }
      this.#channelName = name
    }
    return this.#channelName
  }

  /** Aborts when the connection has ended, even while a handler is running. Made when it is first asked for. */
  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController()
      if (this.#disconnected || this.#ended || this.#lateSends > 0) this.#abort.abort()
    }
    return this.#abort.signal
  }

  /** Where messages may go past `send`; `undefined`: nowhere yet. Looked for at each, as it may be there from the next on. */
  get directSender(): DirectSender | undefined {
    if (this.#directSender === undefined && this.#send !== undefined) this.#directSender = directSenderOf(this.#send)
    return this.#directSender
  }

  /** Takes no more messages, those that wait included; the end of the connection is still to come. */
  takeNoMoreMessages(): void {
    this.#deaf = true
  }

  /** Ends the consumer without an error. */
  stop(): void {
    void this.#end(closeCodes.normal, '', undefined)
  }

  deliver(message: Message): Delivery {
    if (this.#deaf) return 'unhandled'
    if (this.#options.handlers.find(message.type, this.consumer) === undefined) {
      this.#reportUnhandled(message.type)
      return 'unhandled'
    }
    if (this.#context.runInAsyncScope(this.offer, this, message)) return 'delivered'
    this.#reportOverflow()
    return 'full'
  }

  handleEvent(event: Event): void | PromiseLike<void> {
    if (isJobEnd(event)) return this.stop()
    if (!this.isLast(event)) return this.#options.hooks.handleEvent(this.consumer, event)
    return this.#end(event.code ?? closeCodes.abnormal, event.reason ?? '', undefined)
  }

  handleMessage(message: Message): void | PromiseLike<void> {
    if (this.#deaf) return undefined
    return this.#options.handlers.find(message.type, this.consumer)!(this, message)
  }

  sendShared(event: SharedEvent): void | PromiseLike<void> {
    const { directSender } = this
    if (directSender === undefined || !directSender.isOpen || event.type !== 'websocket.send') {
      return this.#options.hooks.sendShared(this.consumer, event)
    }
    try {
      return directSender.sendMessage(event as WebSocketMessageSendEvent)
    } catch (error) {
      return this.sendFailed(error)
    }
  }

  /**
   * Decides what a failed send means to its caller. A send after the end of the connection has no effect and is no fault:
   * the caller may be a timer, a listener, or a promise that nothing waits for, where any error would end the process.
   * @throws the error, if it has another reason
   */
  sendFailed(error: unknown): void | Promise<void> {
    const isOver = this.#deaf
    if (!isTooLate(error, isOver)) throw error
    if (this.#lateSends++ === 0) {
      this.#abort?.abort()
      if (isOver && !this.#ended) this.#logger.debug({ err: error }, sentAfterResponse(this.#options))
    }
    // Messages that wait in the mailbox are still handled, so each of them may send.
    return this.#lateSends > LATE_SENDS_AT_ONCE + this.capacity ? lateSendPause() : undefined
  }

  handlerFailed(thrown: unknown): void {
    // The error of a static handler ends every consumer, and is reported for one of them.
    const isReported = !types.isProxy(thrown) && thrown instanceof SharedFailure
    const error: unknown = readableError(isReported ? thrown.error : thrown)
    if (error instanceof StopConsumer) this.stop()
    else if (isConnectionClosed(error) || isAbortOf(this.#abort?.signal, error)) {
      // The peer went away under a handler that was sending or waiting. That is no fault: the disconnect is on its way.
      this.#abort?.abort()
    } else if (!this.#ended) void this.fail({ error, isReported })
    else if (!isReported)
      this.#logger.error({ err: error }, `${this.#options.name} threw after its connection had ended`)
  }

  /** Handles an event of a named channel as the message that it is. */
  dispatch(message: Message): void | PromiseLike<void> {
    if (this.#options.handlers.find(message.type, this.consumer) !== undefined) return this.handleMessage(message)
    return this.#reportUnhandled(message.type)
  }

  /** Says once for each type and class that nobody handles it. */
  #reportUnhandled(type: string): void {
    if (!this.#options.handlers.isFirstReport(type)) return
    this.#logger.warn({ type }, unhandledType(this.#options, type, this.consumer))
  }

  /** The signal aborts now; `disconnect` runs after what came before it, or at the deadline. */
  protected noteEnd(event: Event): void {
    if (this.#disconnected) return
    this.#disconnected = true
    this.#abort?.abort()
    if (this.#ended) return
    this.#deadline = setTimeout(() => {
      this.#context.runInAsyncScope(() => {
        void this.#end(event.code ?? closeCodes.abnormal, event.reason ?? '', { error: leftBehind(this.#options) })
      })
    }, this.#options.disconnectTimeoutMs).unref()
  }

  /** Ends the consumer with an error. */
  protected async fail(failure: Failure): Promise<void> {
    if (this.#failed || this.#ended) return
    this.#failed = this.#deaf = true
    this.close()
    try {
      await this.#options.hooks.handleFailure(this.consumer, failure.error, failure.isReported ?? false)
    } catch (error) {
      this.#alsoThrown(failure, error)
    }
    await this.#end(closeCodes.internalError, '', failure)
  }

  async #end(code: number, reason: string, cause: Failure | undefined): Promise<void> {
    if (this.#ended) return
    this.#ended = this.#deaf = true
    clearTimeout(this.#deadline)
    this.close()
    this.#abort?.abort()
    let failure = cause
    try {
      const disconnecting = this.#options.hooks.handleEnd(this.consumer, code, reason)
      if (disconnecting !== undefined) await withinDeadline(disconnecting, this.#options)
    } catch (error) {
      failure = this.#alsoThrown(failure, error)
    }
    try {
      if (this.#channelName !== undefined) await this.#layer!.detach(this.#channelName)
    } catch (error) {
      failure = this.#alsoThrown(failure, error)
    }
    this.#settle(failure === undefined || failure.isReported ? undefined : Promise.reject(failure.error))
  }

  /** The first failure is what the run rejects with; what fails after it is reported here. */
  #alsoThrown(first: Failure | undefined, thrown: unknown): Failure | undefined {
    const error = readableError(thrown)
    if (error instanceof StopConsumer || isConnectionClosed(error) || isAbortOf(this.#abort?.signal, error))
      return first
    if (first === undefined) return { error }
    this.#logger.error({ err: error }, `${this.#options.name} threw again while its connection was being ended`)
    return first
  }

  #reportOverflow(): void {
    if (this.#overflowed) return
    this.#overflowed = true
    this.#logger.warn(
      { channel: this.#channelName },
      `${this.#options.name} is slower than what it is sent: messages beyond its capacity of ${this.capacity} messages or ${this.#options.capacityBytes} bytes are dropped`,
    )
  }
}

/** Whether the event is the end of a job: one object, since a message may have any type. */
export function isJobEnd(event: object): boolean {
  return event === jobEnd
}
