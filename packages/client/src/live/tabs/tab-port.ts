import { createTimer } from '../../timer.ts'
import { deadAfterMs, type TabMessage, type WorkerMessage } from './port-protocol.ts'

/** What the worker does for the messages of a tab. */
export interface TabPortHost {
  onMessage(tab: TabPort, message: TabMessage): void
  /** The tab has closed its connection, or is gone. */
  onClosed(tab: TabPort): void
}

/** The worker's end of the connection of a tab. */
export class TabPort {
  readonly #port: MessagePort
  readonly #host: TabPortHost
  readonly #dead = createTimer()
  #isClosed = false

  constructor(port: MessagePort, host: TabPortHost) {
    this.#port = port
    this.#host = host
    port.addEventListener('message', ({ data }: MessageEvent<TabMessage>) => this.#receive(data))
    // Not every browser has this event.
    port.addEventListener('close', () => this.#close())
    port.start()
    this.#waitForLife()
  }

  /** Delivers a frame. */
  deliver(data: string): void {
    this.post({ do: 'message', data })
  }

  post(message: WorkerMessage): void {
    if (!this.#isClosed) this.#port.postMessage(message, [])
  }

  /** Ends the connection of the tab. */
  end(code: number, reason: string): void {
    this.post({ do: 'close', code, reason })
    this.#close()
  }

  #receive(message: TabMessage): void {
    if (this.#isClosed) return
    this.#waitForLife()
    if (message.do === 'close') this.#close()
    else this.#host.onMessage(this, message)
  }

  #waitForLife(): void {
    this.#dead.set(deadAfterMs, () => this.end(1006, 'silent'))
  }

  #close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#dead.clear()
    this.#port.close()
    this.#host.onClosed(this)
  }
}
