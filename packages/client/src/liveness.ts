import { createTimer } from './timer.ts'
import type { Payload } from './web-socket-port.ts'

/** How a silent connection is tested. */
export interface HeartbeatOptions {
  /** The silence after which a ping is sent. @default 25000 */
  readonly intervalMs?: number
  /** How long any frame may take to come after the ping. @default 10000 */
  readonly timeoutMs?: number
  /**
   * What is sent, as it goes on the wire. `false` sends nothing: for a server that speaks of its own accord at least
   * every `intervalMs`. @default '{"type":"ping"}'
   */
  readonly ping?: Payload | false
  /** A text that the server answers with and that is kept from the application. @default '{"type":"pong"}' */
  readonly pong?: string
}

/** What the heartbeat needs of the connection. */
export interface Heart {
  /** Sends a ping past the outbox. */
  ping(data: Payload): void
  /** The bytes that the socket has not passed on yet. */
  buffered(): number
  /** The connection is dead. */
  dead(): void
}

/** A timer this late means that the thread was busy or suspended: what came meanwhile is not delivered yet. */
const lateMs = 1_000

/** The watch over one connection at a time. */
export interface Liveness {
  /** The connection opened. */
  start(): void
  /** A frame came. Sets no timer: it may run a thousand times a second. */
  heard(): void
  /** Something happened that a connection may not survive: ping now, unless an answer is awaited already. */
  check(): void
  stop(): void
}

/**
 * Finds out that a connection is dead. Any frame counts as life, and so does a send buffer that shrinks (a long upload
 * holds the ping up). Only a ping without any life after it counts as death, never elapsed time alone: the timers of
 * hidden pages and sleeping machines run late.
 */
export function createLiveness({ intervalMs, timeoutMs, ping }: Required<HeartbeatOptions>, heart: Heart): Liveness {
  const timer = createTimer()
  let heardAt = 0
  let isAsking = false

  const rest = (delayMs: number): void =>
    timer.set(delayMs, () => {
      // The absolute value, because the clock may go back: a silence of unknown length ends in a ping.
      const leftMs = intervalMs - Math.abs(Date.now() - heardAt)
      if (leftMs > 0) rest(leftMs)
      else check()
    })
  const check = (): void => {
    if (isAsking) return
    isAsking = true
    if (ping) heart.ping(ping)
    expect()
  }
  const expect = (): void => {
    const dueAt = Date.now() + timeoutMs
    const buffered = heart.buffered()
    timer.set(timeoutMs, () => {
      if (!isAsking) rest(0)
      else if (Date.now() > dueAt + lateMs || heart.buffered() < buffered) expect()
      else heart.dead()
    })
  }
  const heard = (): void => {
    heardAt = Date.now()
    isAsking = false
  }
  return {
    heard,
    check,
    stop: timer.clear,
    start() {
      heard()
      rest(intervalMs)
    },
  }
}
