import { AsyncResource } from 'node:async_hooks'
import { types } from 'node:util'
import { ApplicationEnd } from '../asgi/application-end.ts'
import { isJobEnd } from '../asgi/channel-events.ts'
import { closeCodes } from '../asgi/close-codes.ts'
import type { Logger } from '../asgi/logger.ts'
import { directSenderOf, type DirectSender, type PendingHandshake } from '../asgi/direct-sender.ts'
import { readableError } from '../errors/readable-error.ts'
import { DEFAULT_CAPACITY } from '../layer/capacity.ts'
import type { ChannelLayer, ChannelReceiver, Delivery, Message } from '../layer/channel-layer.ts'
import { Mailbox } from '../layer/mailbox.ts'
import {
  endsInTime,
  isEndOfConnection,
  isTooLate,
  lateSendPause,
  leftBehind,
  noChannelLayer,
  sentAfterResponse,
  tooSlow,
  unhandledType,
  type Failure,
} from './consumer-errors.ts'
import { MailboxTask } from './mailbox-task.ts'
import { messageCalls, type Handler } from './handler-calls.ts'
import { RareState } from './rare-state.ts'
import type { ProtocolEvent, RunConnection, RunOptions } from './run-options.ts'
import { SharedFailure, type Recipient, type SharedEvent } from './static-handler.ts'
import { StopConsumer } from './signals.ts'

/** A state leads only to later ones. `detached` leaves messages unhandled; `failed` closes the connection before its end. */
type ConsumerState = 'open' | 'detached' | 'failed' | 'ended'

/**
 * The lifecycle of one consumer: passes the messages of its channel and the events of its connection to the consumer one at a
 * time (see {@link Mailbox}), and ends it exactly once: `disconnect()` runs, then the consumer leaves every group.
 */
export abstract class ConsumerLife<Event extends ProtocolEvent>
  extends Mailbox<Event | MailboxTask, Message>
  implements ChannelReceiver, Recipient, PendingHandshake
{
  // The fields that each message reads come first, so that they share cache lines.
  #state: ConsumerState = 'open'
  protected readonly options: RunOptions<Event>
  #directSender: DirectSender | undefined
  readonly consumer: object
  /**
   * The async context of the connection, with the `AsyncLocalStorage` values of its middleware. A message of the layer arrives
   * in that of its sender: another connection, or a socket of Redis. Costs 15 to 45 ns per message of some 2,000 (Node 20).
   */
  protected readonly context: AsyncResource = new AsyncResource('tideway.Consumer', { requireManualDestroy: true })
  #send: object | undefined
  readonly #layer: ChannelLayer | undefined
  #channelName: string | undefined
  /** Made at its first use: an idle connection has none. */
  #rare: RareState | undefined
  readonly #applicationEnd = new ApplicationEnd()

  constructor(consumer: object, options: RunOptions<Event>, { layer, send }: RunConnection<Event>) {
    super(options.capacity ?? DEFAULT_CAPACITY, options.overflow, options.capacityBytes)
    this.consumer = consumer
    this.options = options
    this.#layer = layer
    this.#send = send
  }

  /** Runs the consumer to its end. Rejects with the error of a handler. */
  run(): Promise<void> {
    this.context.runInAsyncScope(this.readConnection, this)
    return this.#applicationEnd
  }

  /** Passes the events of the connection to {@link enter}, and its end to {@link onDisconnect}. */
  protected abstract readConnection(): void

  protected get logger(): Logger {
    return this.options.hooks.logger(this.consumer)
  }

  /** Whether messages are handled. */
  protected get isOpen(): boolean {
    return this.#state === 'open'
  }

  /** Whether the reader of the connection must stop. */
  protected get isOver(): boolean {
    return this.#state === 'failed' || this.#state === 'ended'
  }

  /** Whether the event is the last one of the connection. */
  protected isLast(event: Event): boolean {
    return event.type === this.options.lastEventType
  }

  /** @throws TidewayError `ERR_NO_CHANNEL_LAYER` */
  get channelLayer(): ChannelLayer {
    if (this.#layer !== undefined) return this.#layer
    throw noChannelLayer(this.options)
  }

  abstract readonly handler: string

  get pendingCall(): string | undefined {
    const call = this.#channelName === undefined ? undefined : this.#layer!.pendingCallOf?.(this.#channelName)
    return call === undefined ? undefined : `${call} of the channel layer "${this.options.channelLayerAlias}"`
  }

  /** Whether the consumer has a channel, so that messages can still reach it. */
  get hasChannel(): boolean {
    return this.#channelName !== undefined
  }

  /**
   * The name of the consumer's own channel, made at its first use. After the end, the channel has no receiver, and adding it to
   * a group has no effect: nothing would remove it.
   */
  get channelName(): string {
    if (this.#channelName === undefined) {
      const layer = this.channelLayer
      const name = layer.newChannel()
      if (this.#state === 'ended') {
        // The layer adds no detached channel to a group. A failure does not matter: the name is never attached.
        layer.detach(name).catch(() => {})
      } else {
        this.capacity = this.options.capacity ?? layer.capacityOf(name)
        layer.attach(name, this)
      }
      this.#channelName = name
    }
    return this.#channelName
  }

  /** Aborts at the end of the connection, even while a handler runs. Made at its first use. */
  get signal(): AbortSignal {
    const rare = this.#rareState
    if (rare.abort === undefined) {
      rare.abort = new AbortController()
      if (rare.deadline !== undefined || this.#state === 'ended' || rare.lateSends > 0) rare.abort.abort()
    }
    return rare.abort.signal
  }

  /** The direct sender past `send`. `undefined` if there is none yet; checked at each send until there is one. */
  get directSender(): DirectSender | undefined {
    if (this.#directSender === undefined && this.#send !== undefined) {
      this.#directSender = directSenderOf(this.#send)
      if (this.#directSender !== undefined) this.#send = undefined
    }
    return this.#directSender
  }

  /** Leaves further and queued messages unhandled. The connection has not ended yet. */
  takeNoMoreMessages(): void {
    if (this.#state === 'open') this.#state = 'detached'
  }

  /** Ends the consumer without an error. */
  stop(): void {
    void this.#end(closeCodes.normal, '', undefined)
  }

  abstract deliver(message: Message): Delivery

  /** Warns at the first message that is dropped. */
  protected messageDropped(): Delivery {
    const rare = this.#rareState
    if (!rare.hasOverflowed) this.logger.warn({ channel: this.#channelName }, tooSlow(this.options, this.capacity))
    rare.hasOverflowed = true
    return 'full'
  }

  handleEvent(event: Event | MailboxTask): void | PromiseLike<void> {
    if (event instanceof MailboxTask) return event.handle()
    if (isJobEnd(event)) return this.stop()
    if (!this.isLast(event)) return this.options.hooks.handleEvent(this.consumer, event)
    return this.#end(event.code ?? closeCodes.abnormal, event.reason ?? '', undefined)
  }

  /** Handles a message of the channel, or an event of a named channel. */
  handleMessage(message: Message): void | PromiseLike<void> {
    if (this.#state !== 'open') return undefined
    return this.handlerOf(message)?.handle(this, message)
  }

  abstract sendShared(event: SharedEvent): void | PromiseLike<void>

  /**
   * Handles the error of a send. A send after the end of the connection has no effect and does not throw: its caller may be a
   * timer, a listener, or an unawaited promise, where an error would end the process.
   * @throws the error if it has another reason
   */
  sendFailed(error: unknown): void | Promise<void> {
    const isOver = this.#state !== 'open'
    if (!isTooLate(error, isOver)) throw error
    const rare = this.#rareState
    if (rare.lateSends++ === 0) {
      rare.abort?.abort()
      if (isOver && this.#state !== 'ended') this.logger.debug({ err: error }, sentAfterResponse(this.options))
    }
    // Queued messages are still handled, and each handler may send.
    return lateSendPause(rare.lateSends - this.capacity)
  }

  handlerFailed(thrown: unknown): void {
    // A static handler's error ends every recipient; only one reports it.
    const isReported = !types.isProxy(thrown) && thrown instanceof SharedFailure
    const error: unknown = readableError(isReported ? thrown.error : thrown)
    if (error instanceof StopConsumer) this.stop()
    else if (isEndOfConnection(error, this.#rare?.abort?.signal)) {
      // The peer disconnected while a handler was sending or waiting. Not an error: the disconnect event follows.
      this.#rare?.abort?.abort()
    } else if (this.#state !== 'ended') void this.fail({ error, isReported })
    else if (!isReported) this.logger.error({ err: error }, `${this.options.name} threw after its connection had ended`)
  }

  get #rareState(): RareState {
    return (this.#rare ??= new RareState())
  }

  /** Returns the handler of the message. Warns once per type and class if the class has none. */
  protected handlerOf({ type }: Message): Handler | undefined {
    const { handlers } = this.options
    const handler = handlers.find(type, this.consumer)
    if (handler === undefined && handlers.isFirstReport(type)) {
      this.logger.warn({ type }, unhandledType(this.options, messageCalls, type, this.consumer))
    }
    return handler
  }

  /** Aborts the signal. `disconnect()` runs after the queued events and messages, or at the deadline. */
  protected onDisconnect(event: Event): void {
    const rare = this.#rareState
    if (rare.deadline !== undefined || this.#state === 'ended') return
    rare.abort?.abort()
    rare.deadline = setTimeout(() => {
      this.context.runInAsyncScope(() => {
        void this.#end(event.code ?? closeCodes.abnormal, event.reason ?? '', { error: leftBehind(this.options) })
      })
    }, this.options.disconnectTimeoutMs).unref()
  }

  /** Ends the consumer with an error. */
  protected async fail(failure: Failure): Promise<void> {
    if (this.isOver) return
    this.#state = 'failed'
    this.close()
    try {
      await this.options.hooks.handleFailure(this.consumer, failure.error, failure.isReported ?? false)
    } catch (error) {
      this.#secondaryError(failure, error)
    }
    await this.#end(closeCodes.internalError, '', failure)
  }

  /** Returns a promise if `disconnect()` does: most do not, and 10,000 clients may disconnect at once. */
  #end(code: number, reason: string, cause: Failure | undefined): void | Promise<void> {
    if (this.#state === 'ended') return undefined
    this.#state = 'ended'
    clearTimeout(this.#rare?.deadline)
    this.close()
    this.#rare?.abort?.abort()
    let failure = cause
    try {
      const disconnecting = this.options.hooks.handleEnd(this.consumer, code, reason)
      if (disconnecting !== undefined) return this.#leaveAfter(disconnecting, cause)
    } catch (error) {
      failure = this.#secondaryError(cause, error)
    }
    return this.#leave(failure)
  }

  async #leaveAfter(disconnecting: PromiseLike<void>, cause: Failure | undefined): Promise<void> {
    const failed = (error: unknown): Failure | undefined => this.#secondaryError(cause, error)
    this.#leave(await endsInTime(disconnecting, this.options).then(() => cause, failed))
  }

  /** Leaves every group, and then ends the run. */
  #leave(failure: Failure | undefined): void {
    const failed = (error: unknown): void => this.#over(this.#secondaryError(failure, error))
    try {
      if (this.#channelName === undefined) this.#over(failure)
      else this.#layer!.detach(this.#channelName).then(() => this.#over(failure), failed)
    } catch (error) {
      failed(error)
    }
  }

  #over(failure: Failure | undefined): void {
    this.#applicationEnd.settle(failure === undefined || failure.isReported ? undefined : Promise.reject(failure.error))
  }

  /** Returns the error with which the run rejects, which is the first one. Logs a later one. */
  #secondaryError(first: Failure | undefined, thrown: unknown): Failure | undefined {
    const error = readableError(thrown)
    if (error instanceof StopConsumer || isEndOfConnection(error, this.#rare?.abort?.signal)) return first
    if (first === undefined) return { error }
    this.logger.error({ err: error }, `${this.options.name} threw again while its connection ended`)
    return first
  }
}
