import type { Receive } from '../asgi/application.ts'
import { ConsumerLife, isJobEnd } from './consumer-life.ts'
import type { ProtocolEvent, RunConnection, RunOptions } from './run-options.ts'

/** Events of the connection that are read while a handler runs, so that a disconnect behind them is seen at once. */
const READ_AHEAD_EVENTS = 16

/** A consumer's life with its connection: reads the events. */
export class ConsumerRun<Event extends ProtocolEvent> extends ConsumerLife<Event> {
  readonly #receive: Receive<Event>
  /** Asked when the reader stops for the first time, and so never for most connections. */
  #onEnd: RunConnection<Event>['onEnd']

  constructor(consumer: object, options: RunOptions<Event>, connection: RunConnection<Event>) {
    super(consumer, options, connection)
    this.#receive = connection.receive
    this.#onEnd = connection.onEnd
  }

  /** Reads until it has to wait. Callbacks, since an idle connection would hold an async function's frame for good. */
  protected readConnection(): void {
    try {
      while (!this.isOver) {
        const next = this.#receive()
        if (next instanceof Promise) {
          void next.then(this.#onEvent, this.#onReadFailed)
          return
        }
        if (!this.#take(next)) return
      }
    } catch (error) {
      void this.fail({ error })
    }
  }

  readonly #onEvent = (event: Event): void => {
    if (this.#take(event)) this.readConnection()
  }

  readonly #onReadFailed = (error: unknown): void => {
    void this.fail({ error })
  }

  /** `false`: nothing is to be read now. */
  #take(event: Event): boolean {
    if (this.isLast(event)) {
      this.enter(event)
      this.noteEnd(event)
      return false
    }
    this.enter(event)
    if (isJobEnd(event)) return false
    if (this.waitingEvents < READ_AHEAD_EVENTS) return true
    // Nobody reads now: the end would not be seen behind a handler that takes its time, or never ends.
    this.#onEnd?.((event) => this.noteEnd(event))
    this.#onEnd = undefined
    void this.room().then(() => this.readConnection())
    return false
  }
}
