import { setTimeout as delay } from 'node:timers/promises'
import { connectLive, type LiveClient, type LiveGroup } from '@tideway/client/live'
import { WebSocket } from 'ws'
import { patiently } from '../setup/patiently.ts'
import type { RoomConsumer } from './fixture/room.ts'

/** Pause between two requests. */
const SAY_EVERY_MS = 100
/** The part of the time for the start of a move that a client uses: the drains of the tests are long, for machines that are busy. */
const HASTE = 0.1

/** Where a client connects. */
export interface Entrance {
  readonly url: string
  readonly WebSocket?: new (url: string, protocols?: string[]) => WebSocket
}

/** A client that talks in a room without a pause, and keeps what it receives. */
export class Member {
  readonly client: LiveClient<typeof RoomConsumer>
  readonly #name: string
  readonly #room: string
  readonly #group: LiveGroup<(typeof RoomConsumer)['groups']['room']['events']>
  /** The texts of all events, in their order. */
  readonly heard: string[] = []
  /** The texts of all requests. */
  readonly said: string[] = []
  /** The states of the connection after it was open, the groups that it lost, resets and errors. */
  readonly troubles: string[] = []
  longestSilenceMs = 0
  #heardAt: number | undefined
  #isDone = false
  #talking: Promise<unknown> | undefined

  constructor({ url, WebSocket: webSocketClass = WebSocket }: Entrance, room: string, name: string) {
    this.#name = name
    this.#room = room
    this.client = connectLive<typeof RoomConsumer>(url, {
      WebSocket: webSocketClass,
      random: () => HASTE * Math.random(),
    })
    this.#group = this.client.join('room', room, { last: 10_000 })
    for (const event of ['said', 'ticked'] as const) this.#group.on(event, ({ text }) => this.#hear(text))
    this.#group.on('reset', ({ why }) => this.troubles.push(`reset: ${why}`))
  }

  /** Resolves when the client is in the room. */
  async enter(): Promise<void> {
    await patiently(() => {
      if (this.#group.state !== 'live') throw new Error(`The group is ${this.#group.state}.`)
    })
    this.client.on('state', ({ status }) => this.troubles.push(status))
    this.#group.on('state', (state) => {
      if (state === 'joining' || state === 'left') this.troubles.push(`group: ${state}`)
    })
    this.client.on('error', ({ code, message }) => this.troubles.push(`${code}: ${message}`))
  }

  /** The id of the process that the client is connected to. */
  process(): Promise<number> {
    return this.client.request('process', undefined)
  }

  /** Sends requests until {@link Member.endTalk}. */
  talk(): void {
    this.#heardAt = performance.now()
    this.#talking = Promise.all([this.#repeat('say'), this.#repeat('saySlowly')])
    // `endTalk()` rejects too, if the test still calls it.
    this.#talking.catch(() => {})
  }

  /** Resolves when all requests are answered. */
  async endTalk(): Promise<void> {
    this.#isDone = true
    await this.#talking
    this.#heardAt = undefined
  }

  async #repeat(request: 'say' | 'saySlowly'): Promise<void> {
    for (let n = 1; !this.#isDone; n++) {
      const text = `${this.#name} ${request} ${n}`
      this.said.push(text)
      await this.client.request(request, { room: this.#room, text })
      await delay(SAY_EVERY_MS)
    }
  }

  #hear(text: string): void {
    this.heard.push(text)
    if (this.#heardAt === undefined) return
    const now = performance.now()
    this.longestSilenceMs = Math.max(this.longestSilenceMs, now - this.#heardAt)
    this.#heardAt = now
  }
}
