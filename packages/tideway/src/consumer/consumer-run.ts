import { isJobEnd } from '../asgi/channel-events.ts'
import { directReceiverOf, type DirectReceiver } from '../asgi/direct-receiver.ts'
import type { WebSocketMessageSendEvent } from '../asgi/websocket-events.ts'
import type { Delivery, Message } from '../layer/channel-layer.ts'
import { ConsumerLife } from './consumer-life.ts'
import type { Handler } from './handler-calls.ts'
import type { MailboxTask } from './mailbox-task.ts'
import { Presences, type PresenceRun } from './presences.ts'
import { Followings, type FollowingRun } from './followings.ts'
import { PromisedReceiver, type ReadListener } from './promised-receiver.ts'
import type { ProtocolEvent, RunConnection, RunOptions } from './run-options.ts'
import type { SharedEvent } from './static-handler.ts'

/** Events that are read ahead while a handler runs, so that the disconnect after them is seen at once. */
const READ_AHEAD_EVENTS = 16

/** The lifecycle of a consumer with its connection: reads the events, takes the messages, and ends what the consumer follows. */
export class ConsumerRun<Event extends ProtocolEvent>
  extends ConsumerLife<Event>
  implements FollowingRun, PresenceRun, ReadListener<Event>
{
  readonly #receiver: DirectReceiver<Event>
  /** Called when the reader stops for the first time: never for most connections. */
  #onEnd: RunConnection<Event>['onEnd']
  /** Made at its first use. */
  #followings: Followings | undefined
  #presences: Presences | undefined

  constructor(consumer: object, options: RunOptions<Event>, connection: RunConnection<Event>) {
    super(consumer, options, connection)
    this.#receiver = directReceiverOf(connection.receive) ?? new PromisedReceiver(connection.receive)
    this.#onEnd = connection.onEnd
  }

  /** The kept groups that the consumer follows. */
  get followings(): Followings {
    if (this.#followings === undefined) {
      this.#followings = new Followings(this, this.options, this.logger)
      if (!this.isOpen) this.#followings.close()
    }
    return this.#followings
  }

  /** Where the consumer is a person, and whose people it watches. */
  get presences(): Presences {
    if (this.#presences === undefined) {
      this.#presences = new Presences(this, this.options.name)
      if (!this.isOpen) this.#presences.close()
    }
    return this.#presences
  }

  get handler(): string {
    return `${this.options.name}.connect()`
  }

  deliver(message: Message): Delivery {
    if (!this.isOpen) return 'unhandled'
    const handler = this.handlerOf(message)
    if (handler === undefined) return 'unhandled'
    if (this.trySend(handler, message)) return 'delivered'
    if (this.context.runInAsyncScope(this.offer, this, message)) return 'delivered'
    return this.messageDropped()
  }

  /**
   * Sends what a static handler has answered for an earlier recipient, if nothing is before it; returns `false` otherwise. No code
   * of the application runs, so that the async context is not entered: 4 % of a delivery to a group with 10,000 members.
   */
  trySend(handler: Handler, handled: object): boolean {
    const answer = handler.answered?.(handled)
    if (answer?.type !== 'websocket.send' || !this.isOpen || this.busy) return false
    const { directSender } = this
    if (directSender?.isFlowing !== true) return false
    const sending = directSender.sendMessage(answer as WebSocketMessageSendEvent)
    if (sending !== undefined) this.context.runInAsyncScope(this.waitFor, this, sending)
    return true
  }

  sendShared(event: SharedEvent): void | PromiseLike<void> {
    const { directSender } = this
    if (directSender === undefined || !directSender.isOpen || event.type !== 'websocket.send') {
      return this.options.hooks.sendShared(this.consumer, event)
    }
    try {
      return directSender.sendMessage(event as WebSocketMessageSendEvent)
    } catch (error) {
      return this.sendFailed(error)
    }
  }

  enterTask(task: MailboxTask): void {
    this.context.runInAsyncScope(this.enter, this, task)
  }

  override takeNoMoreMessages(): void {
    super.takeNoMoreMessages()
    this.#followings?.close()
    this.#presences?.close()
  }

  override close(): void {
    super.close()
    this.#followings?.close()
    this.#presences?.close()
  }

  /** Reads until it has to wait. Uses a listener, because an idle connection would keep a promise and the frame of an async function. */
  protected readConnection(): void {
    try {
      while (!this.isOver) {
        const next = this.#receiver.receiveOr(this)
        if (next === undefined || !this.#take(next)) return
      }
    } catch (error) {
      void this.fail({ error })
    }
  }

  onEvent(event: Event): void {
    this.context.runInAsyncScope(this.#takeAndRead, this, event)
  }

  onReadFailed(error: unknown): void {
    void this.fail({ error })
  }

  #takeAndRead(event: Event): void {
    if (this.#take(event)) this.readConnection()
  }

  /** Returns `false` if the reader must stop. */
  #take(event: Event): boolean {
    if (this.isLast(event)) {
      this.enter(event)
      this.onDisconnect(event)
      return false
    }
    this.enter(event)
    if (isJobEnd(event)) return false
    if (this.waitingEvents < READ_AHEAD_EVENTS) return true
    // The reader stops here: without `onEnd` it would miss the end until the handler returns.
    this.#onEnd?.((event) => this.onDisconnect(event))
    this.#onEnd = undefined
    void this.whenDrained().then(() => this.readConnection())
    return false
  }
}
