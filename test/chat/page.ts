import { connectLive, type LiveClient, type LiveGroup } from '@tideway/client/live'
import { WebSocket, type ClientOptions } from 'ws'

import type { RoomConsumer } from '../../examples/chat/src/room/consumers.ts'
import type { Said } from '../../examples/chat/src/room/groups.ts'

/** Something that a page was sent: an event of the room, or a message of a snapshot as `said`. */
export interface Happened {
  readonly name: string
  readonly data: unknown
}

/** How a page connects. */
export interface PageOptions {
  /** Its cookies and other headers, and whatever else differs from a page of this machine. */
  readonly socket?: ClientOptions
}

/** A page in a room, with the client of the page, but without a browser. */
export class Page {
  readonly client: LiveClient<typeof RoomConsumer>
  readonly group: LiveGroup<(typeof RoomConsumer)['groups']['room']['events']>
  /** All messages, in the order in which they came. */
  readonly heard: Said[] = []
  /** Whether each join of the room continued the one before. */
  readonly recovered: boolean[] = []
  /** How often the connection was lost. */
  losses = 0
  readonly #room: string
  readonly #tab: string
  readonly #unread: Happened[] = []
  /** The numbers of the messages of the newest snapshot that no event has repeated. */
  #inSnapshot = new Set<number>()
  #wake = (): void => {}

  constructor(origin: string, room: string, name: string, { socket = {} }: PageOptions = {}) {
    class Socket extends WebSocket {
      constructor(url: string, protocols?: string[]) {
        super(url, protocols, { origin, ...socket })
      }
    }
    this.#room = room
    this.#tab = `the-secret-of-the-tab-of-${name}`
    this.client = connectLive<typeof RoomConsumer>(`${origin.replace('http', 'ws')}/ws/room/`, {
      WebSocket: Socket,
      backoff: { baseMs: 100, capMs: 400 },
      tryLaterMs: 100,
      lifecycleTarget: {},
    })
    this.group = this.client.join('room', room)
    this.group.on('snapshot', (snapshot) => {
      const { messages, report } = snapshot as { messages: Said[]; report: unknown }
      const known = new Set(this.heard.map(({ number }) => number))
      this.#inSnapshot = new Set(messages.map(({ number }) => number!))
      for (const said of messages) if (!known.has(said.number)) this.#note('said', said)
      if (report !== null) this.#note('reported', report)
      this.#note('snapshot', snapshot)
    })
    this.group.on('joined', ({ recovered }) => {
      this.recovered.push(recovered)
      this.#note('joined', { recovered })
    })
    this.group.on('left', (left) => this.#note('left', left))
    this.group.on('presence', (people) => this.#note('presence', people))
    this.group.onAny(({ name, data }) => {
      // An event after the snapshot may be in it already.
      if (name === 'said' && this.#inSnapshot.delete(data.number ?? 0)) return
      this.#note(name, data)
    })
    this.client.on('reconnecting', () => this.losses++)
    this.client.on('closed', (state) => this.#note('closed', state))
  }

  /** A page that has joined the room. */
  static async enter(...args: ConstructorParameters<typeof Page>): Promise<Page> {
    const page = new Page(...args)
    await page.next('joined')
    return page
  }

  /** The tags of this page's messages. */
  whoAmI() {
    return this.client.request('whoAmI', { tab: this.#tab })
  }

  /** Resolves once the server has stored the message, even if the connection is lost in between. */
  say(message: string, key = `a-key-of-its-own-${message}`) {
    const input = { room: this.#room, tab: this.#tab, key: key.slice(0, 100), message }
    return this.client.request('say', input, { timeoutMs: 60_000 })
  }

  older(before: number) {
    return this.client.request('older', { room: this.#room, before })
  }

  type(): void {
    this.client.send('typing', { room: this.#room, tab: this.#tab })
  }

  /** The next event with one of the names; those before it are of no interest. */
  async nextOf(...names: readonly string[]): Promise<Happened> {
    for (;;) {
      const happened = this.#unread.shift()
      if (happened === undefined) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
      } else if (names.includes(happened.name)) return happened
      else if (happened.name === 'closed' || happened.name === 'left') {
        throw new Error(`The server has ended it: ${JSON.stringify(happened.data)}.`)
      }
    }
  }

  /** The data of the next event with the name that fits. */
  async next<Data>(name: string, fits: (data: Data) => boolean = () => true): Promise<Data> {
    for (;;) {
      const data = (await this.nextOf(name)).data as Data
      if (fits(data)) return data
    }
  }

  /** What is said until all of these have been, in order. */
  async hear(...messages: readonly string[]): Promise<Said[]> {
    const heard: Said[] = []
    const missing = new Set(messages)
    while (missing.size > 0) {
      const said = await this.next<Said>('said')
      heard.push(said)
      missing.delete(said.message)
    }
    return heard
  }

  leave(): void {
    this.client.close()
  }

  #note(name: string, data: unknown): void {
    if (name === 'said') this.heard.push(data as Said)
    this.#unread.push({ name, data })
    this.#wake()
  }
}

/** The texts alone. */
export function textsOf(said: readonly Said[]): string[] {
  return said.map(({ message }) => message)
}
