import { createLink, type Link } from './link.ts'
import { resolveOptions, type ConnectionOptions, type ValueOrProvider } from './options.ts'
import type { ConnectionState } from './state.ts'
import { webSocketUrl } from './target.ts'

/**
 * A reconnecting WebSocket with the standard interface (WHATWG WebSockets), for libraries that accept a WebSocket class.
 * The differences: `send` before the connection is open queues the message instead of throwing; after a lost connection
 * `readyState` is `CONNECTING` again and `open` is dispatched again; `error` and `close` are dispatched once, when the
 * socket closes permanently. The event `reconnecting` is added.
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
    url: ValueOrProvider<string | URL>,
    protocols: ValueOrProvider<string | readonly string[]> = [],
    options: ConnectionOptions = {},
  ) {
    super()
    this.#url = typeof url === 'function' ? '' : webSocketUrl(url).href
    this.#link = createLink(resolveOptions(url, { protocols, ...options }), {
      onState: (state) => this.#onState(state),
      onMessage: (data) => this.dispatchEvent(new MessageEvent('message', { data })),
    })
    this.#link.binaryType = 'blob'
    for (const type of ['open', 'message', 'error', 'close'] as const)
      this.addEventListener(type, (event) => this[`on${type}`]?.(event as never))
  }

  /** The state of the connection, as of `connect()`. */
  get state(): ConnectionState {
    return this.#link.state
  }

  get readyState(): 0 | 1 | 2 | 3 {
    const { status } = this.#link.state
    if (status === 'closed') return this.#isClosed ? 3 : 2
    return status === 'open' ? 1 : 0
  }

  /** The URL of the current socket. Without one, the URL of the constructor, or '' if that is a function. */
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

  /** Sends now, or queues without a connection. After the close it does nothing, as in the standard. Throws `ERR_OUTBOX_FULL`. */
  send(data: string | BufferSource | Blob): void {
    if (this.#link.state.status === 'closed') return
    this.#link.post({ data, settle: () => {} })
  }

  /** Closes permanently. Throws an `InvalidAccessError` for a code other than 1000 and 3000-4999. */
  close(code?: number, reason?: string): void {
    this.#link.close(code, reason)
  }

  /** Typed as in the platform's WebSocket. */
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

  #onState(state: ConnectionState): void {
    const { status } = state
    if (status === 'open' || status === 'reconnecting') this.dispatchEvent(new Event(status))
    if (status !== 'closed') return
    // In the standard these events follow the call that caused them, after a readyState of CLOSING.
    queueMicrotask(() => {
      this.#isClosed = true
      const { code, reason, why } = state
      if (why !== 'called') this.dispatchEvent(new Event('error'))
      // Not a CloseEvent, because Node has that class only since version 23.
      this.dispatchEvent(Object.assign(new Event('close'), { code, reason, wasClean: code !== 1006 }))
    })
  }
}
