// `createLink` is one function with closures on purpose: a class with `#private` fields makes `connect` 4,226 bytes instead of
// 4,093, minified and gzipped. The limit in size.test.ts is 4,096 (measured on 2026-11-29).

import { includesCode, retryDelayMs } from './close-policy.ts'
import { watchEnvironment, type EnvironmentChange } from './environment.ts'
import { causedError, ClientError, type ClientErrorCode } from './errors.ts'
import { createLiveness } from './liveness.ts'
import type { ResolvedOptions } from './options.ts'
import { createOutbox, type Entry, type Outbox } from './outbox.ts'
import type { ClosedWhy, ConnectionState } from './state.ts'
import { resolveTarget, webSocketUrl, type Target } from './target.ts'
import { createTimer } from './timer.ts'
import type { WebSocketLike, WebSocketPayload } from './web-socket-port.ts'

/** The callbacks of a {@link Link}. None of them is called before `createLink` returns. */
export interface LinkEvents {
  /** The state changed. */
  onState(state: ConnectionState): void
  /** A frame arrived. An error that this throws becomes an `ERR_BAD_MESSAGE`. */
  onMessage(data: unknown): void
  /** A socket opened. `write` sends ahead of the outbox. An error that this throws becomes an `ERR_PROVIDER_FAILED`. */
  onOpen?(write: (data: WebSocketPayload) => void): void
  /** The outbox is empty: the socket has all messages. */
  onDrained?(): void
  /** A connection was lost. Called before the state changes, so that unanswered requests can be put back. */
  onLost?(code: number): void
  onError?(error: ClientError): void
}

/** One connection over a series of sockets. It carries payloads without decoding them. */
export interface Link {
  readonly state: ConnectionState
  /** The current socket, open or not. */
  readonly socket: WebSocketLike | undefined
  /** The number of bytes in the outbox and in the socket's send buffer. */
  readonly bufferedAmount: number
  readonly outbox: Outbox
  /** The `binaryType` of new sockets. */
  binaryType: BinaryType
  /** Sends or queues a message. Throws `ERR_CLOSED` and `ERR_OUTBOX_FULL`. */
  post(entry: Entry, maxAgeMs?: number): void
  /** Reconnects now, in any state. Throws `ERR_CLOSED`. */
  reconnect(): void
  /** Closes permanently. Throws an `InvalidAccessError` for a code that `WebSocket.close()` refuses. */
  close(code?: number, reason?: string): void
}

/** The code of a connection that ended without a close frame (RFC 6455 §7.1.5). */
const abnormalClosure = 1006

/** The poll interval of a full send buffer: a WebSocket has no event for it. */
const bufferPollMs = 50

/** The minimum time between two attempts that environment changes cause. */
const minWaitMs = 1_000

/** Starts the state machine `connecting → open → reconnecting → connecting …`. The state `closed` is final. */
export function createLink(options: ResolvedOptions, events: LinkEvents): Link {
  const { heartbeat } = options
  const outbox = createOutbox(options.outbox)
  if (typeof options.url !== 'function') webSocketUrl(options.url)
  let state: ConnectionState = { status: 'connecting', attempt: 1 }
  let socket: WebSocketLike | undefined
  let attemptAbort = new AbortController()
  /** Attempts since the last connection that reached its minimum uptime. */
  let attempts = 0
  let attemptedAt = 0
  /** The timer of the state: connect timeout, minimum uptime, or the delay before the next attempt. */
  const timer = createTimer()
  const bufferTimer = createTimer()
  const liveness = heartbeat
    ? createLiveness(heartbeat, {
        ping: (data) => write(data),
        bufferedAmount: () => socket?.bufferedAmount ?? 0,
        onDead: () => onLost(abnormalClosure, 'no heartbeat'),
      })
    : undefined

  const emitError = (code: ClientErrorCode, cause: unknown): void => events.onError?.(causedError(code, cause))

  const catchErrors = (code: ClientErrorCode, act: () => void): void => {
    try {
      act()
    } catch (cause) {
      emitError(code, cause)
    }
  }

  const setState = (next: ConnectionState): void => {
    state = next
    events.onState(next)
  }

  const connect = async (): Promise<void> => {
    const attempt = ++attempts
    const { signal } = (attemptAbort = new AbortController())
    attemptedAt = Date.now()
    timer.set(options.connectTimeoutMs, () => onLost(abnormalClosure, 'time-out'))
    // The first attempt starts in this state, and has no listeners yet.
    if (state.status !== 'connecting') setState({ status: 'connecting', attempt })
    try {
      const target = await resolveTarget(options, { attempt, signal })
      if (!signal.aborted) openSocket(target)
    } catch (cause) {
      if (!signal.aborted) onLost(abnormalClosure, String(cause), cause)
    }
  }

  const openSocket = ({ url, protocols }: Target): void => {
    // Some WebSocket classes send an empty header for an empty list, and servers answer it with 400.
    socket = new options.WebSocket(url, protocols.length > 0 ? protocols : undefined)
    socket.binaryType = link.binaryType
    socket.onopen = onSocketOpen
    socket.onmessage = ({ data }: { data: unknown }) => onFrame(data)
    socket.onclose = ({ code, reason }: { code: number; reason: string }) => onLost(code, reason)
    // A close event with more details follows. Without a listener some implementations end the process.
    socket.onerror = () => {}
  }

  const onSocketOpen = (): void => {
    timer.set(options.minUptimeMs, () => {
      attempts = 0
    })
    liveness?.start()
    // Before the state changes, because its listeners may send.
    catchErrors('ERR_PROVIDER_FAILED', () => events.onOpen?.(write))
    setState({ status: 'open' })
    flush()
  }

  const onFrame = (data: unknown): void => {
    liveness?.onFrame()
    if (heartbeat && data === heartbeat.pong) return
    const sized = data as { length?: number; byteLength?: number; size?: number }
    const bytes = sized.length ?? sized.byteLength ?? sized.size ?? 0
    if (bytes > options.maxMessageBytes) emitError('ERR_MESSAGE_TOO_LARGE', `${bytes} bytes`)
    else catchErrors('ERR_BAD_MESSAGE', () => events.onMessage(data))
  }

  const onLost = (code: number, reason: string, cause?: unknown): void => {
    const failures = attempts
    releaseSocket(code)
    // The token expired on a connection that had been up: the client asks its function for a new one. A second 4401 is final.
    const isRenewable = failures === 0 && code === 4401 && typeof options.token === 'function'
    // A provider function may succeed later; a wrong URL cannot.
    if (cause && (cause as ClientError).code !== 'ERR_PROVIDER_FAILED') end('misconfigured', code, reason)
    else if (includesCode(options.stopCodes, code) && !isRenewable) end('stopped', code, reason)
    else wait(retryDelayMs(code, reason, failures || 1, options, options.random), code, reason)
    if (cause instanceof ClientError) events.onError?.(cause)
    else if (cause) emitError('ERR_BAD_OPTION', cause)
    else if (failures > 0) emitError('ERR_CONNECTION_FAILED', `${code} ${reason}`)
  }

  const wait = (delayMs: number, code: number, reason: string): void => {
    timer.set(delayMs, connect)
    setState({ status: 'reconnecting', attempt: attempts + 1, retryAt: Date.now() + delayMs, delayMs, code, reason })
  }

  /** Detaches the current socket, and destroys it unless it is closing. */
  const releaseSocket = (code: number): void => {
    const old = socket
    socket = undefined
    attemptAbort.abort()
    timer.clear()
    bufferTimer.clear()
    liveness?.stop()
    if (old) {
      old.onopen = old.onmessage = old.onclose = null
      if (old.readyState < 2) (old.terminate ?? old.close).call(old)
    }
    events.onLost?.(code)
  }

  const end = (why: ClosedWhy, code: number, reason: string): void => {
    unwatch()
    setState({ status: 'closed', why, code, reason })
    releaseSocket(code)
    while (outbox.size > 0) outbox.shift('closed')
  }

  const isWritable = (): boolean =>
    state.status === 'open' && socket?.readyState === 1 && socket.bufferedAmount <= options.maxBufferedBytes

  const write = (data: WebSocketPayload): void => socket?.send(data as Exclude<WebSocketPayload, Blob>)

  const flush = (): void => {
    const before = outbox.size
    while (outbox.size > 0 && isWritable()) write((outbox.shift('sent') as Entry).data)
    if (state.status === 'open' && outbox.size > 0) bufferTimer.set(bufferPollMs, flush)
    else if (before > 0 && outbox.size === 0) events.onDrained?.()
  }

  const assertNotClosed = (): void => {
    if (state.status === 'closed') throw new ClientError('ERR_CLOSED', state.why)
  }

  const closeSocket = (): void => {
    socket?.close(1000)
    releaseSocket(abnormalClosure)
  }

  const reconnect = (): void => {
    assertNotClosed()
    closeSocket()
    void connect()
  }

  const onEnvironmentChange = (change: EnvironmentChange): void => {
    if (change === 'pagehide') {
      // A page with an open socket does not enter the back/forward cache.
      closeSocket()
      wait(Infinity, 1000, change)
    } else if (state.status === 'reconnecting') {
      // The wait of a page from the cache never ends by itself. Other waits end early unless the server asked for them, at
      // most once per second in a storm of events. The absolute value, because the clock may go back.
      const mayHurry = state.code !== 1013 && Math.abs(Date.now() - attemptedAt) >= minWaitMs
      if (change === 'pageshow' || (change !== 'offline' && mayHurry)) void connect()
    } else if (state.status === 'open') {
      if (liveness) liveness.check()
      // Without a heartbeat, a socket cannot be tested after a sleep or a change of network: the client replaces it.
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
      if (outbox.size === 0 && isWritable()) {
        write(entry.data)
        entry.settle('sent')
      } else {
        outbox.add(entry, maxAgeMs)
        flush()
      }
    },
    close(code = 1000, reason = '') {
      if (code !== 1000 && !(code >= 3000 && code < 5000))
        throw new DOMException(`Invalid code: ${code}`, 'InvalidAccessError')
      if (state.status === 'closed') return
      socket?.close(code, reason)
      end('called', code, reason)
    },
  }

  const unwatch = watchEnvironment(options.lifecycleTarget, onEnvironmentChange)
  void connect()
  return link
}
