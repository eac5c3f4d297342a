import type { Transport } from '../../state.ts'
import type { WebSocketLike } from '../../web-socket-port.ts'
import {
  liveIntervalMs,
  portVersion,
  type TabMessage,
  type WorkerMessage,
  type WorkerOptions,
} from './port-protocol.ts'

/** The reason of a close without a worker: the tab connects by itself. */
export const noWorker = 'no shared worker'

/** The time for the worker to start and to accept. */
const acceptMs = 3_000

/** What a tab needs to find the worker. */
export interface WorkerPlace {
  /** The script. `true` is the one of this package. */
  readonly script: true | string | URL
  /** Only tabs with the same user share a connection. */
  readonly user: string | number | null
}

/** A WebSocket of a tab on the connection of the shared worker. */
export class PortSocket implements WebSocketLike {
  readonly url: string
  readonly protocol = ''
  readonly extensions = ''
  readonly bufferedAmount = 0
  readyState = 0
  binaryType = ''
  transport: Transport | undefined
  onopen: ((event: never) => unknown) | null = null
  onmessage: ((event: never) => unknown) | null = null
  onclose: ((event: never) => unknown) | null = null
  onerror: ((event: never) => unknown) | null = null
  readonly #port: MessagePort
  readonly #accepting: ReturnType<typeof setTimeout>
  #living: ReturnType<typeof setInterval> | undefined

  /** Throws if the page may not have a shared worker. */
  constructor(place: WorkerPlace, url: string, protocols: readonly string[], options: WorkerOptions) {
    this.url = url
    const worker = openWorker(place, url, options)
    worker.onerror = () => this.#end(1006, noWorker)
    this.#port = worker.port
    this.#port.onmessage = ({ data }: MessageEvent<WorkerMessage>) => this.#receive(data)
    this.#accepting = setTimeout(() => this.#end(1006, noWorker), acceptMs)
    this.#post({ do: 'open', version: portVersion, url, protocols, options })
  }

  send(data: unknown): void {
    this.#post({ do: 'send', data: data as string })
  }

  close(): void {
    if (this.readyState === 3) return
    this.readyState = 3
    clearTimeout(this.#accepting)
    clearInterval(this.#living)
    // The worker closes the port. A port that is closed here may drop the message while the page ends.
    this.#post({ do: 'close' })
  }

  #receive(message: WorkerMessage): void {
    if (this.readyState === 3) return
    switch (message.do) {
      case 'accept':
        clearTimeout(this.#accepting)
        if (message.version !== portVersion) return this.#end(1006, noWorker)
        this.#living = setInterval(() => this.#post({ do: 'live' }), liveIntervalMs)
        return undefined
      case 'open':
        this.readyState = 1
        this.transport = message.transport
        this.onopen?.({} as never)
        return undefined
      case 'message':
        this.onmessage?.({ data: message.data } as never)
        return undefined
      case 'close':
        return this.#end(message.code, message.reason)
    }
  }

  #post(message: TabMessage): void {
    this.#port.postMessage(message, [])
  }

  #end(code: number, reason: string): void {
    if (this.readyState === 3) return
    this.close()
    this.onclose?.({ code, reason } as never)
  }
}

function openWorker({ script, user }: WorkerPlace, url: string, { transports }: WorkerOptions): SharedWorker {
  const name = `tideway ${JSON.stringify([portVersion, user, url, transports])}`
  // The file is a bundle of its own, so that bundlers can copy it as it is.
  const file = script === true ? new URL('../../live-worker.js', import.meta.url) : script
  return new SharedWorker(file, { name, type: 'module' })
}
