import { includesCode, retryDelayMs } from './close-policy.ts'
import { watchEnvironment, type EnvironmentChange } from './environment.ts'
import { ClientError, type ClientErrorCode } from './errors.ts'
import { createLiveness } from './liveness.ts'
import type { ResolvedOptions } from './options.ts'
import { createOutbox, type Entry, type Outbox } from './outbox.ts'
import type { ClosedWhy, ConnectionState } from './state.ts'
import { resolveTarget, webSocketUrl, type Target } from './target.ts'
import { createTimer } from './timer.ts'
import type { Payload, WebSocketLike } from './web-socket-port.ts'

/** What happens on a {@link Link}. None of these is called before `createLink` has returned. */
export interface LinkEvents {
  /** The state is another one. */
  state(state: ConnectionState): void
  /** A frame came. What this throws becomes an `ERR_BAD_MESSAGE`. */
  message(data: unknown): void
  /** What is to be sent first on a new connection, if anything. What this throws becomes an `ERR_PROVIDER_FAILED`. */
  hello?(): Payload | undefined
  /** All that waited in the outbox has been handed to the socket. */
  drained?(): void
  /** A connection was lost, before the state tells of it: what was sent in vain can be put back. */
  lost?(code: number): void
  error?(error: ClientError): void
}

/** One connection over many sockets. It moves payloads and knows nothing of what they mean. */
export interface Link {
  readonly state: ConnectionState
  /** The socket of the moment, open or not. */
  readonly socket: WebSocketLike | undefined
  /** The bytes that wait, here and in the socket. */
  readonly bufferedAmount: number
  readonly outbox: Outbox
  /** What sockets to come are set to. */
  binaryType: BinaryType
  /** Sends, or keeps for later. Throws `ERR_CLOSED` and `ERR_OUTBOX_FULL`. */
  post(entry: Entry, maxAgeMs?: number): void
  /** Connects anew now, whether there is a connection or a wait for one. Throws `ERR_CLOSED`. */
  reconnect(): void
  /** Ends it all. Throws what a WebSocket throws for a code or a reason that it may not be closed with. */
  close(code?: number, reason?: string): void
}

/** The code of a connection that ended without a close frame (RFC 6455 §7.1.5). */
const abnormalClosure = 1006

/** How often a full send buffer is looked at: a WebSocket has no event for it. */
const bufferPollMs = 50

/** News from the environment cut a wait short, but not more often than this. */
const minWaitMs = 1_000

/** Starts the state machine `connecting → open → reconnecting → connecting …` until `closed`, which is final. */
export function createLink(options: ResolvedOptions, events: LinkEvents): Link {
  const { heartbeat } = options
  const outbox = createOutbox(options.outbox)
  if (typeof options.url !== 'function') webSocketUrl(options.url)
  let state: ConnectionState = { status: 'connecting', attempt: 1 }
  let socket: WebSocketLike | undefined
  let giveUp = new AbortController()
  /** Attempts since the last connection that reached its minimum uptime. */
  let attempts = 0
  let attemptedAt = 0
  /** The one timer of the state: connect time-out, minimum uptime, or the wait for the next attempt. */
  const timer = createTimer()
  const bufferTimer = createTimer()
  const liveness = heartbeat
    ? createLiveness(heartbeat, {
        ping: (data) => write(data),
        buffered: () => socket?.bufferedAmount ?? 0,
        dead: () => lost(abnormalClosure, 'no heartbeat'),
      })
    : undefined

  const fail = (code: ClientErrorCode, cause: unknown): void =>
    events.error?.(new ClientError(code, String(cause), cause))

  const guard = (code: ClientErrorCode, act: () => void): void => {
    try {
      act()
    } catch (cause) {
      fail(code, cause)
    }
  }

  const become = (next: ConnectionState): void => {
    state = next
    events.state(next)
  }

  const connect = async (): Promise<void> => {
    const attempt = ++attempts
    const { signal } = (giveUp = new AbortController())
    attemptedAt = Date.now()
    timer.set(options.connectTimeoutMs, () => lost(abnormalClosure, 'time-out'))
    // The state of the beginning is there already, and nobody listens yet.
    if (state.status !== 'connecting') become({ status: 'connecting', attempt })
    try {
      const target = await resolveTarget(options, { attempt, signal })
      if (!signal.aborted) dial(target)
    } catch (cause) {
      if (!signal.aborted) lost(abnormalClosure, String(cause), cause)
    }
  }

  const dial = ({ url, protocols }: Target): void => {
    // Some WebSocket classes send an empty header for an empty list, which servers answer with 400.
    socket = new options.WebSocket(url, protocols.length ? protocols : undefined)
    socket.binaryType = link.binaryType
    socket.onopen = opened
    socket.onmessage = ({ data }: { data: unknown }) => receive(data)
    socket.onclose = ({ code, reason }: { code: number; reason: string }) => lost(code, reason)
    // A close event follows, and says more. Some implementations crash the process where nobody listens.
    socket.onerror = () => {}
  }

  const opened = (): void => {
    timer.set(options.minUptimeMs, () => {
      attempts = 0
    })
    liveness?.start()
    // Ahead of the state, whose listeners may send.
    guard('ERR_PROVIDER_FAILED', () => {
      const hello = events.hello?.()
      if (hello !== undefined) write(hello)
    })
    become({ status: 'open' })
    flush()
  }

  const receive = (data: unknown): void => {
    liveness?.heard()
    if (heartbeat && data === heartbeat.pong) return
    const { length, byteLength, size } = data as { length?: number; byteLength?: number; size?: number }
    const bytes = length ?? byteLength ?? size ?? 0
    if (bytes > options.maxMessageBytes) fail('ERR_MESSAGE_TOO_LARGE', `${bytes} bytes`)
    else guard('ERR_BAD_MESSAGE', () => events.message(data))
  }

  const lost = (code: number, reason: string, cause?: unknown): void => {
    const failures = attempts
    release(code)
    // A token that ran out on a connection that had lived: the function is asked for another one. The next refusal is final.
    const isRenewable = !failures && code === 4401 && typeof options.token === 'function'
    // What a function of the application failed at may pass; a wrong URL does not.
    if (cause && (cause as ClientError).code !== 'ERR_PROVIDER_FAILED') end('misconfigured', code, reason)
    else if (includesCode(options.stopCodes, code) && !isRenewable) end('stopped', code, reason)
    else wait(retryDelayMs(code, reason, failures || 1, options, options.random), code, reason)
    if (cause instanceof ClientError) events.error?.(cause)
    else if (cause) fail('ERR_BAD_OPTION', cause)
    else if (failures) fail('ERR_CONNECTION_FAILED', `${code} ${reason}`)
  }

  const wait = (delayMs: number, code: number, reason: string): void => {
    timer.set(delayMs, connect)
    become({ status: 'reconnecting', attempt: attempts + 1, retryAt: Date.now() + delayMs, delayMs, code, reason })
  }

  /** Lets go of the socket of the moment: nothing of it is heard any more. If it is not closing already it is cut. */
  const release = (code: number): void => {
    const old = socket
    socket = undefined
    giveUp.abort()
    timer.clear()
    bufferTimer.clear()
    liveness?.stop()
    if (old) {
      old.onopen = old.onmessage = old.onclose = null
      if (old.readyState < 2) (old.terminate ?? old.close).call(old)
    }
    events.lost?.(code)
  }

  const end = (why: ClosedWhy, code: number, reason: string): void => {
    unwatch()
    become({ status: 'closed', why, code, reason })
    release(code)
    while (outbox.shift('closed'));
  }

  const isWritable = (): boolean =>
    state.status === 'open' && socket?.readyState === 1 && socket.bufferedAmount <= options.maxBufferedBytes

  const write = (data: Payload): void => socket?.send(data as Exclude<Payload, Blob>)

  const flush = (): void => {
    const before = outbox.size
    while (outbox.size && isWritable()) write((outbox.shift('sent') as Entry).data)
    if (state.status === 'open' && outbox.size) bufferTimer.set(bufferPollMs, flush)
    else if (before && !outbox.size) events.drained?.()
  }

  const assertNotClosed = (): void => {
    if (state.status === 'closed') throw new ClientError('ERR_CLOSED', state.why)
  }

  const leave = (): void => {
    socket?.close(1000)
    release(abnormalClosure)
  }

  const reconnect = (): void => {
    assertNotClosed()
    leave()
    void connect()
  }

  const notice = (change: EnvironmentChange): void => {
    if (change === 'pagehide') {
      // A page with an open socket does not get into the back/forward cache.
      leave()
      wait(Infinity, 1000, change)
    } else if (state.status === 'reconnecting') {
      // A page from the cache has no wait that would end by itself. The client keeps a wait that the server asked for, and
      // makes at most one attempt per second in a storm of events. The absolute value, because the clock may go back.
      const mayHurry = state.code !== 1013 && Math.abs(Date.now() - attemptedAt) >= minWaitMs
      if (change === 'pageshow' || (change !== 'offline' && mayHurry)) void connect()
    } else if (state.status === 'open') {
      if (liveness) liveness.check()
      // Without a heartbeat a socket from before a sleep or another network cannot be tested: it is replaced.
      else if (change === 'online' || change === 'woke') reconnect()
    }
  }

  const link: Link = {
    outbox,
    binaryType: 'arraybuffer',
    reconnect,
    get state() {
      return state
    },
    get socket() {
      return socket
    },
    get bufferedAmount() {
      return outbox.bytes + (socket?.bufferedAmount ?? 0)
    },
    post(entry, maxAgeMs) {
      assertNotClosed()
      if (!outbox.size && isWritable()) {
        write(entry.data)
        entry.settle('sent')
      } else {
        outbox.add(entry, maxAgeMs)
        flush()
      }
    },
    close(code = 1000, reason = '') {
      if (code !== 1000 && !(code >= 3000 && code < 5000))
        throw new DOMException(`Not 1000 or 3000-4999: ${code}`, 'InvalidAccessError')
      if (state.status === 'closed') return
      socket?.close(code, reason)
      end('called', code, reason)
    },
  }

  const unwatch = watchEnvironment(options.page, notice)
  void connect()
  return link
}
