import { setTimeout as delay } from 'node:timers/promises'
import type { Received } from 'tideway/testing'
import { WebSocket } from 'ws'

interface Joined {
  readonly recovered: boolean
  readonly position: string
}

type Frame = Partial<{ joined: Joined; n: number; position: string; reset: string }>

/** A client that follows the group over WebSockets, reconnects by itself with its position, and records what it receives. */
export class FollowingClient {
  readonly #portOf: () => number
  #socket: WebSocket | undefined
  #isDone = false
  position: string | undefined
  readonly received: Received[] = []

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

  /** The numbers that it has received since its last reset. */
  get numbers(): number[] {
    const last = this.received.findLastIndex(({ reset }) => reset !== undefined)
    return this.received.slice(last + 1).map((item) => (item as { event: number }).event)
  }

  #take({ joined, n, position, reset }: Frame): void {
    if (joined !== undefined) {
      if (!joined.recovered) this.received.push({ reset: 'not recovered', position: joined.position })
      this.position = joined.position
    } else if (reset !== undefined) {
      this.received.push({ reset })
    } else {
      this.received.push({ position: position!, event: n })
      this.position = position!
    }
  }
}
