import type { Socket } from 'node:net'
import { chatMessage, clientFrame, open } from '../src/load.ts'

/** How long a visitor stays, on average: in 15 minutes each place is taken by 30 of them. */
const STAY_SECONDS = 30
/** Members of a room. */
const ROOM_SIZE = 50
/** How often a visitor says something, on average. */
const SAYS_EVERY_SECONDS = 5
const TURN_MS = 100
const HANDSHAKES_A_TURN = 100
/** Handshakes under way: a machine that is slow for a moment must not have ever more of them. */
const MOST_OPENING = 400

const message = clientFrame(chatMessage(128).text)
const close = Buffer.from([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8])

/** What the visitors have done so far. */
export interface Visits {
  readonly opened: number
  readonly failed: number
  readonly sent: number
  readonly receivedBytes: number
  readonly open: number
}

/**
 * Keeps that many connections open and replaces some of them each second. Half of them echo, the others are in rooms. They leave by
 * a close frame, by the end of their socket, or by destroying it.
 */
export class Visitors {
  readonly #port: number
  readonly #count: number
  readonly #open = new Set<Socket>()
  #opening = 0
  #opened = 0
  #failed = 0
  #sent = 0
  #receivedBytes = 0
  #isOver = false
  #timer: NodeJS.Timeout | undefined

  constructor(port: number, count: number) {
    this.#port = port
    this.#count = count
  }

  start(): void {
    this.#timer = setInterval(() => this.#turn(), TURN_MS)
  }

  /** Opens no more connections and closes all. */
  stop(): void {
    this.#isOver = true
    clearInterval(this.#timer)
    for (const socket of this.#open) leave(socket)
  }

  get visits(): Visits {
    return {
      opened: this.#opened,
      failed: this.#failed,
      sent: this.#sent,
      receivedBytes: this.#receivedBytes,
      open: this.#open.size,
    }
  }

  #turn(): void {
    const turnsASecond = 1000 / TURN_MS
    for (const socket of this.#open) {
      if (Math.random() < 1 / (SAYS_EVERY_SECONDS * turnsASecond)) {
        socket.write(message)
        this.#sent++
      }
      if (Math.random() < 1 / (STAY_SECONDS * turnsASecond)) {
        this.#open.delete(socket)
        leave(socket)
      }
    }
    const missing = Math.min(
      HANDSHAKES_A_TURN,
      MOST_OPENING - this.#opening,
      this.#count - this.#open.size - this.#opening,
    )
    for (let i = 0; i < missing; i++) void this.#enter()
  }

  async #enter(): Promise<void> {
    this.#opening++
    const room = Math.floor((Math.random() * this.#count) / 2 / ROOM_SIZE)
    const path = Math.random() < 0.5 ? '/ws/json-echo/' : `/ws/chat/room${room}/`
    try {
      const socket = await open({ port: this.#port, path })
      this.#opened++
      if (this.#isOver) {
        leave(socket)
        return
      }
      this.#open.add(socket)
      socket.on('data', (chunk: Buffer) => (this.#receivedBytes += chunk.length))
      socket.on('error', () => {}).on('close', () => this.#open.delete(socket))
    } catch (error) {
      this.#failed++
      console.log(`  a handshake failed: ${String(error)}`)
    } finally {
      this.#opening--
    }
  }
}

function leave(socket: Socket): void {
  const how = Math.random()
  if (how < 0.6) socket.end(close)
  else if (how < 0.8) socket.end()
  else if (how < 0.9) socket.destroy()
  else socket.resetAndDestroy()
}
