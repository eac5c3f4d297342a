import { setTimeout as delay } from 'node:timers/promises'
import { WebSocket } from 'ws'

interface Joined {
  readonly recovered: boolean
  readonly position: string
}

type Frame = Partial<{ joined: Joined; n: number; position: string; reset: string }>

/** A client that follows the group over WebSockets, reconnects by itself with its position, and checks what it gets. */
export class FollowingClient {
  readonly #portOf: () => number
  #socket: WebSocket | undefined
  #isDone = false
  position: string | undefined
  /** Whether it was told that it misses something, and does not know its next position. */
  #isReset = false
  /** The numbers that it got, since it was last told. */
  got: number[] = []
  told = 0
  duplicates = 0
  outOfOrder = 0
  /** Holes without a reset. */
  holes = 0

  constructor(portOf: () => number) {
    this.#portOf = portOf
  }

  /** Connects again and again until `leave()`. */
  async run(): Promise<void> {
    while (!this.#isDone) {
      await this.#connection()
      await delay(20 + Math.random() * 200)
    }
  }

  leave(): void {
    this.#isDone = true
    this.#socket?.terminate()
  }

  #connection(): Promise<void> {
    const since = this.position === undefined ? '' : `?since=${encodeURIComponent(this.position)}`
    const socket = new WebSocket(`ws://127.0.0.1:${this.#portOf()}/follow/${since}`)
    this.#socket = socket
    return new Promise((resolve) => {
      socket.on('message', (data: Buffer) => this.#take(JSON.parse(data.toString()) as Frame))
      socket.on('error', () => {})
      socket.on('close', () => resolve())
      if (this.#isDone) socket.terminate()
    })
  }

  #take({ joined, n, position, reset }: Frame): void {
    if (joined !== undefined) {
      if (!joined.recovered) this.#restart()
      this.position = joined.position
      this.#isReset = false
    } else if (reset !== undefined) {
      this.#restart()
      this.#isReset = true
    } else {
      const [before, now] = [offsetOf(this.position!), offsetOf(position!)]
      if (!this.#isReset) {
        if (now === before) this.duplicates++
        else if (now < before) this.outOfOrder++
        else if (now > before + 1) this.holes++
      }
      this.#isReset = false
      this.position = position!
      this.got.push(n!)
    }
  }

  #restart(): void {
    this.told++
    this.got = []
  }
}

function offsetOf(position: string): number {
  return Number(position.slice(position.indexOf(':') + 1))
}
