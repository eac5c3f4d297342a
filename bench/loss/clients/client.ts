import { now } from '../clock.ts'
import { Ledger } from '../ledger.ts'
import type { Dialect, Wire } from './dialect.ts'

/** What a client shares with the others of its process. */
export interface Surroundings {
  /** The ports of servers that accept connections. */
  ports: readonly number[]
  readonly everyMs: number
  readonly awayMs: number
  isCutting: boolean
  readonly samples: Samples
}

/** Measurements of all clients of a process. */
export interface Samples {
  readonly catchUpMs: number[]
  readonly openMs: number[]
  readonly awayMs: number[]
  returns: number
  minLatencyMs: number
  lastMessageMs: number
}

/** A client that was disconnected by its server returns after this time and half of it more or less: the default of Socket.IO. */
const RETURN_MS = 1000

/** The part of the time of a move in which clients open their next connection: that of @tideway/client. */
const MOVE_SPREAD = 0.25

/** Two intervals between cuts differ by at most this part of the mean. */
const CUT_SPREAD = 0.2

/** A client that is in some rooms, whose connections the bench cuts and opens. */
export class Client {
  readonly ledgers: ReadonlyMap<string, Ledger>
  readonly #dialect: Dialect
  readonly #around: Surroundings
  #wire: Wire | undefined
  #port = 0
  #cutAt: number | undefined
  #cutTimer: NodeJS.Timeout | undefined
  #openedAt = 0
  /** The arrival of the last message that was sent before the connection was open. */
  #caughtUpAt: number | undefined
  #isReturn = false
  #isOver = false
  #lastMessageAt: number | undefined
  joinedAt: number | undefined
  isConnected = false
  hasBeenCut = false
  #silenceMs = 0

  constructor(dialect: Dialect, rooms: readonly string[], around: Surroundings) {
    this.#dialect = dialect
    this.#around = around
    this.ledgers = new Map(rooms.map((room) => [room, new Ledger()]))
  }

  get ignored(): number {
    return this.#dialect.ignored
  }

  /** Connects to the port, or to another one if it is not served any more. */
  connect(port: number): void {
    this.#port = port
    const calledAt = now()
    let isJoined = false
    const wire = this.#dialect.open(port, {
      open: () => {
        if (!this.#isReturn) return
        this.#around.samples.openMs.push(now() - calledAt)
        this.#openedAt = now()
      },
      joined: () => {
        isJoined = true
        this.joinedAt ??= now()
        this.isConnected = true
        const previous = this.#wire
        this.#wire = wire
        if (previous !== undefined && previous !== wire) previous.close()
      },
      message: (room, n, sentMs) => this.#message(room, n, sentMs),
      notice: (room) => {
        for (const [name, ledger] of this.ledgers) if (room === undefined || room === name) ledger.notice()
      },
      move: (withinMs) => {
        setTimeout(
          () => {
            if (this.#wire === wire && !this.#isOver) this.connect(this.#otherPort(port))
          },
          Math.random() * MOVE_SPREAD * withinMs,
        ).unref()
      },
      closed: () => {
        // A connection that was moved, or the next one of a move that has failed.
        if (isJoined && this.#wire !== wire) return
        if (!isJoined && this.#wire !== undefined) return
        this.#closed()
      },
    })
  }

  /** Cuts the connection at a random moment of the interval, and then again and again. */
  startCutting(): void {
    this.#cutIn(Math.random() * this.#around.everyMs)
  }

  /** Ends the measurement of the last connection. A client without a connection can see that its messages are missing. */
  finish(): void {
    this.#endOfConnection()
    if (!this.isConnected) for (const ledger of this.ledgers.values()) ledger.notice()
  }

  leave(): void {
    this.#isOver = true
    clearTimeout(this.#cutTimer)
    this.#wire?.cut()
  }

  /** Begins the measurement of silence. */
  begin(): void {
    this.#lastMessageAt = now()
  }

  /** The longest time without a message, up to this moment. */
  silenceUntil(end: number): number {
    return Math.max(this.#silenceMs, end - (this.#lastMessageAt ?? end))
  }

  #cutIn(delayMs: number): void {
    this.#cutTimer = setTimeout(() => {
      if (!this.#around.isCutting || this.#isOver) return
      if (this.#wire === undefined) {
        this.#cutIn(this.#around.everyMs / 10)
        return
      }
      this.#cutAt = now()
      this.#wire.cut()
    }, delayMs)
    this.#cutTimer.unref()
  }

  #closed(): void {
    const wasOpen = this.#wire !== undefined
    this.#wire = undefined
    this.isConnected = false
    if (this.#isOver) return
    if (wasOpen) {
      this.hasBeenCut = true
      this.#endOfConnection()
    }
    const cutAt = this.#cutAt
    this.#cutAt = undefined
    const delayMs =
      cutAt === undefined ? RETURN_MS * (0.5 + Math.random()) : Math.max(0, cutAt + this.#around.awayMs - now())
    setTimeout(() => {
      if (this.#isOver) return
      if (cutAt !== undefined) {
        this.#around.samples.awayMs.push(now() - cutAt)
        this.#cutIn(this.#around.everyMs * (1 - CUT_SPREAD + 2 * CUT_SPREAD * Math.random()))
      }
      if (wasOpen) this.#around.samples.returns++
      this.#isReturn = true
      this.connect(cutAt === undefined ? this.#otherPort(this.#port) : this.#port)
    }, delayMs).unref()
  }

  #otherPort(port: number): number {
    const others = this.#around.ports.filter((other) => other !== port)
    return others[Math.floor(Math.random() * others.length)] ?? port
  }

  #message(room: string, n: number, sentMs: number): void {
    const at = now()
    const { samples } = this.#around
    samples.lastMessageMs = at
    samples.minLatencyMs = Math.min(samples.minLatencyMs, at - sentMs)
    if (this.#lastMessageAt !== undefined) this.#silenceMs = Math.max(this.#silenceMs, at - this.#lastMessageAt)
    this.#lastMessageAt = at
    if (this.#isReturn && sentMs < this.#openedAt) this.#caughtUpAt = at
    this.ledgers.get(room)!.message(n)
  }

  #endOfConnection(): void {
    if (this.#caughtUpAt !== undefined) this.#around.samples.catchUpMs.push(this.#caughtUpAt - this.#openedAt)
    this.#caughtUpAt = undefined
  }
}
