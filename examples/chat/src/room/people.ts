import { randomUUID } from 'node:crypto'

import type { Application, Authenticated, ChannelLayer, Message, WebSocketScope } from 'tideway'

import { folded } from '../people/names.ts'
import { groupOf } from './names.ts'

/** A room and how many people are in it. */
export interface OpenRoom {
  readonly name: string
  readonly people: number
}

/** The people in a room. A person with a name counts once, even with two tabs; each guest connection counts. */
export interface Roster {
  readonly names: readonly string[]
  readonly guests: number
}

const ROOM_PATH = /^\/ws\/(?:chat|room)\/([^/]+)\/$/
/** The group of the processes, each with one channel. */
const GROUP = 'chat.people'
/** The time for which changes are collected before a broadcast, because a full room changes all the time. */
const TELL_AFTER_MS = 25
/** The interval at which a process repeats its roster, and the silence after which it counts as dead. */
const REPEAT_EVERY_MS = 15_000
const GONE_AFTER_MS = 40_000
/** The maximum number of names per room in a roster. */
const MAX_NAMES = 200

/** The close code of a guest whose name belongs to an account now. Clients reconnect after it, and have no name then. */
const NAME_TAKEN = 4009

/** A connection to a room. */
interface Member {
  readonly name: string
  readonly isGuest: boolean
  close(code: number, reason: string): Promise<void>
}

/** The messages between processes. */
interface Heard {
  readonly process: string
  readonly rosters?: Readonly<Record<string, Roster>>
  readonly name?: string
}

interface Elsewhere {
  /** A time of the monotonic clock. */
  heardAt: number
  readonly rooms: Map<string, Roster>
}

/** Tracks the people of each room across all processes of the layer. Each process broadcasts its own roster. */
export class People {
  readonly #layer: ChannelLayer
  readonly #process = randomUUID()
  readonly #here = new Map<string, Set<Member>>()
  readonly #elsewhere = new Map<string, Elsewhere>()
  readonly #watchers = new Map<string, Set<string>>()
  readonly #changed = new Set<string>()
  #isListening = false

  constructor(layer: ChannelLayer) {
    this.#layer = layer
  }

  /** Returns the open rooms, the fullest first. */
  list(): OpenRoom[] {
    const names = new Set(this.#here.keys())
    for (const { rooms } of this.#elsewhere.values()) for (const name of rooms.keys()) names.add(name)
    return [...names]
      .map((name) => ({ name, people: count(this.in(name)) }))
      .filter(({ people }) => people > 0)
      .sort((a, b) => b.people - a.people || (a.name < b.name ? -1 : 1))
  }

  /** Returns the people in the room, of all processes. */
  in(room: string): Roster {
    const rosters = [this.#ownRoster(room)]
    for (const { rooms } of this.#elsewhere.values()) rosters.push(rooms.get(room) ?? emptyRoster)
    const names = [...new Set(rosters.flatMap((roster) => roster.names))].sort()
    return { names, guests: rosters.reduce((sum, roster) => sum + roster.guests, 0) }
  }

  /** Sends `people.changed` to the channel whenever a person enters or leaves. */
  watch(room: string, channel: string): void {
    const watchers = this.#watchers.get(room) ?? new Set()
    this.#watchers.set(room, watchers.add(channel))
  }

  unwatch(room: string, channel: string): void {
    const watchers = this.#watchers.get(room)
    watchers?.delete(channel)
    if (watchers?.size === 0) this.#watchers.delete(room)
  }

  /** Middleware: counts each connection to a room from its accept to its end. */
  counting<S extends WebSocketScope & Authenticated>(inner: Application<S>): Application<S> {
    return async (scope, receive, send) => {
      const room = ROOM_PATH.exec(scope.path)?.[1]
      if (room === undefined) return inner(scope, receive, send)
      await this.#listen()
      const { username: name, isAuthenticated } = scope.user
      const close = async (code: number, reason: string): Promise<void> => {
        try {
          await send({ type: 'websocket.close', code, reason })
        } catch {
          // The connection ended at the same time.
        }
      }
      const member: Member = { name, isGuest: !isAuthenticated, close }
      try {
        await inner(scope, receive, (event) => {
          if (event.type === 'websocket.accept') this.#enter(room, member)
          return send(event)
        })
      } finally {
        this.#leave(room, member)
      }
    }
  }

  /**
   * Call it if the layer may have lost messages to these groups. Their consumers read the history again, and the other
   * processes repeat their rosters.
   */
  async recover(groups: readonly string[]): Promise<void> {
    const lost = new Set(groups)
    if (lost.has(GROUP)) await this.#ask().catch(() => {})
    for (const [room, watchers] of this.#watchers) {
      if (!lost.has(groupOf(room))) continue
      // A consumer with a full mailbox reads the history anyway, for one of the messages in it.
      for (const channel of watchers) await this.#layer.send(channel, { type: 'room.gap' }).catch(() => {})
    }
  }

  /** Closes the connections of guests with this name, in all processes, because an account has it now. */
  async takeName(name: string): Promise<void> {
    const taken = folded(name)
    this.#closeGuests(taken)
    // If the layer is down, guests of other processes keep the name until they reconnect.
    await this.#layer
      .groupSend(GROUP, { type: 'people.nameTaken', process: this.#process, name: taken })
      .catch(() => {})
  }

  #closeGuests(name: string): void {
    for (const members of this.#here.values()) {
      for (const member of members) {
        if (member.isGuest && folded(member.name) === name) void member.close(NAME_TAKEN, 'name taken')
      }
    }
  }

  #enter(room: string, member: Member): void {
    const members = this.#here.get(room) ?? new Set()
    this.#here.set(room, members.add(member))
    this.#change(room)
  }

  #leave(room: string, member: Member): void {
    const members = this.#here.get(room)
    if (members?.delete(member) !== true) return
    if (members.size === 0) this.#here.delete(room)
    this.#change(room)
  }

  #ownRoster(room: string): Roster {
    const all = Array.from(this.#here.get(room) ?? [], ({ name }) => name)
    const names = [...new Set(all)].filter((name) => name !== '').slice(0, MAX_NAMES)
    return { names, guests: all.filter((name) => name === '').length }
  }

  #change(room: string): void {
    if (this.#changed.size === 0) setTimeout(() => void this.#tellChanges(), TELL_AFTER_MS).unref()
    this.#changed.add(room)
  }

  async #tellChanges(): Promise<void> {
    const rooms = [...this.#changed]
    this.#changed.clear()
    await Promise.all([this.#tellWatchers(rooms), this.#tellOthers(rooms)])
  }

  async #tellWatchers(rooms: readonly string[]): Promise<void> {
    for (const room of rooms) {
      for (const channel of this.#watchers.get(room) ?? []) {
        // A consumer with a full mailbox gets the next change.
        await this.#layer.send(channel, { type: 'people.changed' }).catch(() => {})
      }
    }
  }

  async #tellOthers(rooms: Iterable<string>): Promise<void> {
    const rosters = Object.fromEntries([...rooms].map((room) => [room, this.#ownRoster(room)]))
    const message = { type: 'people.here', process: this.#process, rosters }
    // If the layer is down, a later repetition arrives.
    await this.#layer.groupSend(GROUP, message).catch(() => {})
  }

  async #listen(): Promise<void> {
    if (this.#isListening) return
    this.#isListening = true
    try {
      const channel = this.#layer.newChannel('chat-people')
      this.#layer.attach(channel, { deliver: (message) => this.#hear(message) })
      await this.#layer.groupAdd(GROUP, channel)
      await this.#ask()
    } catch (error) {
      this.#isListening = false
      throw error
    }
    setInterval(() => this.#repeat(), REPEAT_EVERY_MS).unref()
  }

  /** Asks every process to repeat its roster. */
  async #ask(): Promise<void> {
    await this.#layer.groupSend(GROUP, { type: 'people.asked', process: this.#process })
  }

  #hear(message: Message): 'delivered' {
    const { type, process, rosters, name } = message as Message & Heard
    if (process === this.#process) return 'delivered'
    if (type === 'people.nameTaken' && name !== undefined) this.#closeGuests(name)
    if (type === 'people.asked') void this.#tellOthers(this.#here.keys())
    if (rosters === undefined) return 'delivered'
    const known: Elsewhere = this.#elsewhere.get(process) ?? { heardAt: 0, rooms: new Map() }
    this.#elsewhere.set(process, known)
    known.heardAt = performance.now()
    for (const [room, roster] of Object.entries(rosters)) {
      if (count(roster) === 0) known.rooms.delete(room)
      else known.rooms.set(room, roster)
    }
    void this.#tellWatchers(Object.keys(rosters))
    return 'delivered'
  }

  #repeat(): void {
    for (const [process, { heardAt, rooms }] of this.#elsewhere) {
      if (performance.now() - heardAt < GONE_AFTER_MS) continue
      this.#elsewhere.delete(process)
      void this.#tellWatchers([...rooms.keys()])
    }
    void this.#tellOthers(this.#here.keys())
  }
}

const emptyRoster: Roster = { names: [], guests: 0 }

function count({ names, guests }: Roster): number {
  return names.length + guests
}
