import { includesCode, retryDelayMs } from './close-policy.ts'
import { watchEnvironment, type EnvironmentChange } from './environment.ts'
import { ClientError } from './errors.ts'
import { createLiveness, type Liveness } from './liveness.ts'
import type { ResolvedOptions } from './options.ts'
import { createOutbox, type Entry, type Outbox } from './outbox.ts'
import type { ClosedWhy, ConnectionState } from './state.ts'
import { resolveTarget, webSocketUrl, type Target } from './target.ts'
import { createTimer } from './timer.ts'
import type { Payload, WebSocketLike } from './web-socket-port.ts'

/** What happens on a {@link Link}. None of these is called from within its constructor. */
export interface LinkEvents {
  /** The state is another one. */
  state(state: ConnectionState): void
  /** A frame came. */
  message(data: unknown): void
  /** What is to be sent first on a new connection, if anything. */
  hello?(): Payload | undefined
  /** The outbox has become empty again. */
  drained?(): void
  /** A connection was lost, before the state tells of it: what was sent in vain can be put back. */
  lost?(code: number): void
  error?(error: ClientError): void
}

/** The code of a connection that ended without a close frame (RFC 6455 §7.1.5). */
const abnormalClosure = 1006

/** How often a full send buffer is looked at: a WebSocket has no event for it. */
const bufferPollMs = 50

/** News from the environment cut a wait short, but not more often than this. */
const minWaitMs = 1_000

/**
 * One connection over many sockets: the state machine `connecting → open → reconnecting → connecting …` until `closed`,
 * which is final. It moves payloads and knows nothing of what they mean.
 */
export class Link {
  state: ConnectionState = { status: 'connecting', attempt: 1 }
  /** The socket of the moment, open or not. */
  socket: WebSocketLike | undefined
  /** The URL that was tried last. */
  url = ''
  /** What new sockets are set to. */
  binaryType: BinaryType = 'arraybuffer'
  readonly outbox: Outbox
  readonly #options: ResolvedOptions
  readonly #events: LinkEvents
  readonly #liveness: Liveness | undefined
  readonly #unwatch: () => void
  /** The one timer of the state: connect time-out, minimum uptime, or the wait for the next attempt. */
  readonly #timer = createTimer()
  readonly #bufferTimer = createTimer()
  /** Attempts since the last connection that reached its minimum uptime. */
  #attempts = 0
  #attemptedAt = 0
  #attempt = new AbortController()
  /** Messages wait in the outbox, so that its end is worth an event. */
  #isBehind = false

  constructor(options: ResolvedOptions, events: LinkEvents) {
    if (typeof options.url !== 'function') this.url = webSocketUrl(options.url).href
    this.#options = options
    this.#events = events
    this.outbox = createOutbox(options.outbox)
    if (options.heartbeat)
      this.#liveness = createLiveness(options.heartbeat, {
        ping: (data) => this.#write(data),
        buffered: () => this.socket?.bufferedAmount ?? 0,
        dead: () => this.#lost(abnormalClosure, 'no answer to the heartbeat'),
      })
    this.#unwatch = watchEnvironment(options.page, (change) => this.#notice(change))
    this.#connect()
  }

  /** The bytes that wait, here and in the socket. */
  get bufferedAmount(): number {
    return this.outbox.bytes + (this.socket?.bufferedAmount ?? 0)
  }

  /** Sends, or keeps for later. Throws `ERR_CLOSED` and `ERR_OUTBOX_FULL`. */
  post(entry: Entry, maxAgeMs?: number): void {
    this.#assertNotClosed()
    if (!this.outbox.size && this.#isWritable()) {
      this.#write(entry.data)
      entry.settle('sent')
      return
    }
    this.outbox.add(entry, maxAgeMs)
    this.#isBehind = true
    this.#flush()
  }

  /** Connects anew now, whether there is a connection or a wait for one. Throws `ERR_CLOSED`. */
  reconnect(): void {
    this.#assertNotClosed()
    this.socket?.close(1000)
    this.#release()
    this.#connect()
  }

  /** Ends it all. Throws what a WebSocket throws for a code or a reason that it may not be closed with. */
  close(code = 1000, reason = ''): void {
    if (code !== 1000 && !(code >= 3000 && code <= 4999))
      throw new DOMException(`${code} is not 1000 or 3000-4999`, 'InvalidAccessError')
    if (this.state.status === 'closed') return
    this.socket?.close(code, reason)
    this.#end('called', code, reason)
  }

  #connect(): void {
    const { connectTimeoutMs } = this.#options
    const { signal } = (this.#attempt = new AbortController())
    const attempt = ++this.#attempts
    this.#attemptedAt = Date.now()
    this.#timer.set(connectTimeoutMs, () => this.#lost(abnormalClosure, `no connection within ${connectTimeoutMs} ms`))
    resolveTarget(this.#options, { attempt, signal })
      .then((target) => signal.aborted || this.#dial(target))
      .catch((error: ClientError) => signal.aborted || this.#refused(error))
    // The state of the constructor is there already, and nobody listens yet.
    if (this.state.status !== 'connecting') this.#become({ status: 'connecting', attempt })
  }

  #dial({ url, protocols }: Target): void {
    this.url = url
    let socket: WebSocketLike
    try {
      socket = new this.#options.WebSocket(url, protocols)
    } catch (cause) {
      throw new ClientError('ERR_BAD_OPTION', String(cause), cause)
    }
    this.socket = socket
    socket.binaryType = this.binaryType
    socket.onopen = () => this.#opened()
    socket.onmessage = ({ data }: { data: unknown }) => this.#receive(data)
    socket.onclose = ({ code, reason }: { code: number; reason: string }) => this.#lost(code, reason)
    // A close event follows, and says more. Some implementations crash the process where nobody listens.
    socket.onerror = () => {}
  }

  /** The attempt came to no socket. What a function of the application failed at may pass; a wrong URL does not. */
  #refused(error: ClientError): void {
    if (error.code === 'ERR_PROVIDER_FAILED') this.#lost(abnormalClosure, error.message, error)
    else this.#end('misconfigured', abnormalClosure, error.message, error)
  }

  #opened(): void {
    this.#timer.set(this.#options.minUptimeMs, () => {
      this.#attempts = 0
    })
    this.#liveness?.start()
    // Ahead of the state, whose listeners may send.
    const hello = this.#events.hello?.()
    if (hello !== undefined) this.#write(hello)
    this.#become({ status: 'open' })
    this.#flush()
  }

  #receive(data: unknown): void {
    const { heartbeat, maxMessageBytes } = this.#options
    this.#liveness?.heard()
    if (heartbeat && data === heartbeat.pong) return
    const { length, byteLength, size } = data as { length?: number; byteLength?: number; size?: number }
    const bytes = length ?? byteLength ?? size ?? 0
    if (bytes <= maxMessageBytes) this.#events.message(data)
    else this.#events.error?.(new ClientError('ERR_MESSAGE_TOO_LARGE', `${bytes} bytes`))
  }

  #lost(code: number, reason: string, cause?: ClientError): void {
    const { token, stopCodes, maxAttempts, random } = this.#options
    const attempts = this.#attempts
    const error =
      attempts > 0
        ? (cause ?? new ClientError('ERR_CONNECTION_FAILED', `Attempt ${attempts}: ${code} ${reason}`))
        : undefined
    this.#release(code)
    // A token that ran out on a connection that had lived: the function is asked for another one. The next refusal is final.
    const isRenewable = code === 4401 && typeof token === 'function' && !error
    if (includesCode(stopCodes, code) && !isRenewable) this.#end('stopped', code, reason, error)
    else if (error && attempts >= maxAttempts) this.#end('gave-up', code, reason, error)
    else this.#wait(retryDelayMs(code, reason, attempts || 1, this.#options, random), code, reason, error)
  }

  #wait(delayMs: number, code: number, reason: string, error?: ClientError): void {
    this.#timer.set(delayMs, () => this.#connect())
    this.#become({
      status: 'reconnecting',
      attempt: this.#attempts + 1,
      retryAt: Date.now() + delayMs,
      code,
      reason,
    })
    if (error) this.#events.error?.(error)
  }

  #notice(change: EnvironmentChange): void {
    if (change === 'pagehide') {
      // A page with an open socket does not get into the back/forward cache.
      this.socket?.close(1000)
      this.#release()
      this.#wait(Infinity, 1000, change)
    } else if (this.state.status === 'reconnecting') {
      // The wait that the server asked for is kept, and a storm of events is no storm of attempts. A page that comes back
      // from the cache has no wait that would end by itself.
      const mayHurry = this.state.code !== 1013 && Date.now() - this.#attemptedAt >= minWaitMs
      if (change === 'pageshow' || (change !== 'offline' && mayHurry)) this.#connect()
    } else if (this.state.status === 'open') {
      if (this.#liveness) this.#liveness.check()
      // Without a heartbeat a socket from before a sleep or another network cannot be tested: it is replaced.
      else if (change === 'online' || change === 'woke') this.reconnect()
    }
  }

  #isWritable(): boolean {
    const { socket } = this
    return (
      this.state.status === 'open' &&
      socket?.readyState === 1 &&
      socket.bufferedAmount <= this.#options.maxBufferedBytes
    )
  }

  #write(data: Payload): void {
    this.socket?.send(data as Exclude<Payload, Blob>)
  }

  #flush(): void {
    while (!!this.outbox.size && this.#isWritable()) {
      const data = this.outbox.shift('sent')?.data
      if (data !== undefined) this.#write(data)
    }
    if (this.state.status !== 'open') return
    if (this.outbox.size) this.#bufferTimer.set(bufferPollMs, () => this.#flush())
    else if (this.#isBehind) {
      this.#isBehind = false
      this.#events.drained?.()
    }
  }

  #assertNotClosed(): void {
    if (this.state.status === 'closed') throw new ClientError('ERR_CLOSED', `Closed for good: ${this.state.why}`)
  }

  /** Lets go of the socket of the moment: nothing of it is heard any more. If it is not closing already it is cut. */
  #release(code: number = abnormalClosure): void {
    const { socket } = this
    this.socket = undefined
    this.#attempt.abort()
    this.#timer.clear()
    this.#bufferTimer.clear()
    this.#liveness?.stop()
    if (socket) {
      socket.onopen = socket.onmessage = socket.onclose = null
      if (socket.readyState < 2) (socket.terminate ?? socket.close).call(socket)
    }
    this.#events.lost?.(code)
  }

  #end(why: ClosedWhy, code: number, reason: string, error?: ClientError): void {
    this.#unwatch()
    this.#become({ status: 'closed', why, code, reason })
    this.#release()
    while (this.outbox.shift('closed'));
    if (error) this.#events.error?.(error)
  }

  #become(state: ConnectionState): void {
    this.state = state
    this.#events.state(state)
  }
}
