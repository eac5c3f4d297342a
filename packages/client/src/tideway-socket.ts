import { createLink, type Link } from './link.ts'
import { resolveOptions, type ConnectionOptions, type Provided } from './options.ts'
import type { ConnectionState } from './state.ts'
import { webSocketUrl } from './target.ts'

/**
 * A WebSocket that comes back by itself, with the standard's surface (WHATWG WebSockets), for libraries that take a
 * WebSocket class. What differs: `send` before the connection is open waits in the outbox instead of throwing; after a
 * loss `readyState` is `CONNECTING` again and `open` is dispatched once more; `error` and `close` are dispatched once,
 * when it is closed for good. One event is new: `reconnecting`.
 */
export class TidewaySocket extends EventTarget implements WebSocket {
  static readonly CONNECTING = 0 as const
  static readonly OPEN = 1 as const
  static readonly CLOSING = 2 as const
  static readonly CLOSED = 3 as const
  readonly CONNECTING = 0 as const
  readonly OPEN = 1 as const
  readonly CLOSING = 2 as const
  readonly CLOSED = 3 as const

  onopen: ((event: Event) => unknown) | null = null
  onmessage: ((event: MessageEvent) => unknown) | null = null
  onerror: ((event: Event) => unknown) | null = null
  onclose: ((event: CloseEvent) => unknown) | null = null

  readonly #link: Link
  readonly #url: string
  #isClosed = false

  constructor(
    url: Provided<string | URL>,
    protocols: Provided<string | readonly string[]> = [],
    options: ConnectionOptions = {},
  ) {
    super()
    this.#url = typeof url === 'function' ? '' : webSocketUrl(url).href
    this.#link = createLink(resolveOptions(url, { protocols, ...options }), {
      state: (state) => this.#become(state),
      message: (data) => this.dispatchEvent(new MessageEvent('message', { data })),
    })
    this.#link.binaryType = 'blob'
    for (const type of ['open', 'message', 'error', 'close'] as const)
      this.addEventListener(type, (event) => this[`on${type}`]?.(event as never))
  }

  /** Where the connection is, in the words of `connect()`. */
  get state(): ConnectionState {
    return this.#link.state
  }

  get readyState(): 0 | 1 | 2 | 3 {
    const { status } = this.#link.state
    if (status === 'closed') return this.#isClosed ? 3 : 2
    return status === 'open' ? 1 : 0
  }

  /** The URL of the socket of the moment; while there is none the one given, or nothing if that was a function. */
  get url(): string {
    return this.#link.socket?.url ?? this.#url
  }

  get protocol(): string {
    return this.#link.socket?.protocol ?? ''
  }

  get extensions(): string {
    return this.#link.socket?.extensions ?? ''
  }

  get bufferedAmount(): number {
    return this.#link.bufferedAmount
  }

  get binaryType(): BinaryType {
    return this.#link.binaryType
  }

  set binaryType(type: BinaryType) {
    this.#link.binaryType = type
    if (this.#link.socket) this.#link.socket.binaryType = type
  }

  /** Sends, or waits for the connection. Like the standard's it does nothing once closed. Throws `ERR_OUTBOX_FULL`. */
  send(data: string | BufferSource | Blob): void {
    if (this.#link.state.status === 'closed') return
    this.#link.post({ data, settle: () => {} })
  }

  /** Closes for good. Throws an `InvalidAccessError` for a code other than 1000 and 3000-4999. */
  close(code?: number, reason?: string): void {
    this.#link.close(code, reason)
  }

  /** As of the platform's WebSocket. */
  override addEventListener<Type extends keyof WebSocketEventMap>(
    type: Type,
    listener: (event: WebSocketEventMap[Type]) => unknown,
    options?: boolean | AddEventListenerOptions,
  ): void
  override addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | AddEventListenerOptions,
  ): void
  override addEventListener(
    type: string,
    listener: ((event: never) => unknown) | EventListenerObject | null,
    options?: boolean | AddEventListenerOptions,
  ): void {
    super.addEventListener(type, listener as EventListener, options)
  }

  #become(state: ConnectionState): void {
    const { status } = state
    if (status === 'open' || status === 'reconnecting') this.dispatchEvent(new Event(status))
    if (status !== 'closed') return
    // The standard's events come after the call that led to them, and after readyState has gone through CLOSING.
    queueMicrotask(() => {
      this.#isClosed = true
      const { code, reason, why } = state
      if (why !== 'called') this.dispatchEvent(new Event('error'))
      // Not a CloseEvent: Node has that class since 23 only.
      this.dispatchEvent(Object.assign(new Event('close'), { code, reason, wasClean: code !== 1006 }))
    })
  }
}
