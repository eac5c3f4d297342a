import { createTimer } from './timer.ts'
import type { WebSocketPayload } from './web-socket-port.ts'

/** How the client tests a silent connection. */
export interface HeartbeatOptions {
  /** The silence before a ping. @default 25000 */
  readonly intervalMs?: number
  /** The time after a ping within which any frame must arrive. @default 10000 */
  readonly timeoutMs?: number
  /**
   * The ping, as it goes on the wire. `false` sends no ping, for a server that sends something at least every
   * `intervalMs`. @default '{"type":"ping"}'
   */
  readonly ping?: WebSocketPayload | false
  /** The server's answer to a ping, a text. The application does not receive it. @default '{"type":"pong"}' */
  readonly pong?: string
}

/** The parts of a connection that the heartbeat uses. */
export interface HeartbeatTarget {
  /** Sends a ping, ahead of the outbox. */
  ping(data: WebSocketPayload): void
  /** Returns the number of bytes in the socket's send buffer. */
  bufferedAmount(): number
  /** Called once the connection counts as dead. */
  onDead(): void
}

/** The timer lag above which the thread was busy or suspended: frames that arrived in that time are not yet delivered. */
const lateMs = 1_000

/** Watches one connection at a time. */
export interface Liveness {
  /** Starts the watch of a new connection. */
  start(): void
  /** Call it for each frame. It sets no timer, because it may run a thousand times per second. */
  onFrame(): void
  /** Pings now, unless a pong is already awaited. Call it after an event that may have broken the connection. */
  check(): void
  stop(): void
}

/**
 * Detects a dead connection. Any frame is a sign of life, and so is a shrinking send buffer (a long upload delays the
 * ping). The connection is dead only if no sign of life follows a ping. Elapsed time alone is never enough, because the
 * timers of hidden pages and sleeping machines run late.
 */
export function createLiveness(
  { intervalMs, timeoutMs, ping }: Required<HeartbeatOptions>,
  target: HeartbeatTarget,
): Liveness {
  const timer = createTimer()
  let lastFrameAt = 0
  let isAwaitingPong = false

  const schedulePing = (delayMs: number): void =>
    timer.set(delayMs, () => {
      // The absolute value, because the clock may go back: a silence of unknown length ends in a ping.
      const leftMs = intervalMs - Math.abs(Date.now() - lastFrameAt)
      if (leftMs > 0) schedulePing(leftMs)
      else check()
    })
  const check = (): void => {
    if (isAwaitingPong) return
    isAwaitingPong = true
    if (ping) target.ping(ping)
    awaitPong()
  }
  const awaitPong = (): void => {
    const dueAt = Date.now() + timeoutMs
    const bufferedBefore = target.bufferedAmount()
    timer.set(timeoutMs, () => {
      if (!isAwaitingPong) schedulePing(0)
      else if (Date.now() > dueAt + lateMs || target.bufferedAmount() < bufferedBefore) awaitPong()
      else target.onDead()
    })
  }
  const onFrame = (): void => {
    lastFrameAt = Date.now()
    isAwaitingPong = false
  }
  return {
    onFrame,
    check,
    stop: timer.clear,
    start() {
      onFrame()
      schedulePing(intervalMs)
    },
  }
}
