import { KeptGroups } from '../../../src/layer/log/kept-groups.ts'
import type { KeptGroupsOptions } from '../../../src/layer/log/kept-groups-options.ts'
import type { Appended, AppendOptions } from '../../../src/layer/log/event-log.ts'
import { MemoryEventLog } from '../../../src/layer/log/memory-event-log.ts'
import { parsePresenceEntry } from '../../../src/layer/presence/presence-entry.ts'
import type {
  AnnounceOptions,
  BeatOptions,
  DeadProcess,
  PresenceBeat,
  KeepLeftOptions,
  PresenceLeave,
  PresenceSnapshot,
  PresenceStore,
  PresenceWrite,
  SweepOptions,
} from '../../../src/layer/presence/presence-store.ts'
import type { Presence } from '../../../src/layer/presence/presence.ts'
import type { Random } from '../../server/fuzz/random.ts'
import { VirtualClock } from '../log/simulation/virtual-clock.ts'

/** The connection of a process to the store: it is slow, and a test can stop it. */
class Connection implements PresenceStore {
  readonly #store: PresenceStore
  readonly #clock: VirtualClock
  readonly #random: Random
  /** `down`: calls reject, before or after they are done. `frozen`: the process stands still. `dead`: it ends. */
  state: 'up' | 'down' | 'frozen' | 'dead' = 'up'
  #waiting: (() => void)[] = []

  constructor(store: PresenceStore, clock: VirtualClock, random: Random) {
    this.#store = store
    this.#clock = clock
    this.#random = random
  }

  resume(): void {
    this.state = 'up'
    for (const go of this.#waiting.splice(0)) go()
  }

  announce = (...args: [string, readonly string[], AnnounceOptions]): Promise<boolean> =>
    this.#call(() => this.#store.announce(...args))
  enter = (...args: [string, string, readonly PresenceWrite[]]): Promise<void> =>
    this.#call(() => this.#store.enter(...args))
  leave = (...args: [string, string, (readonly number[])?, KeepLeftOptions?]): Promise<PresenceLeave> =>
    this.#call(() => this.#store.leave(...args))
  settle = (...args: [string, string, readonly number[]]): Promise<void> =>
    this.#call(() => this.#store.settle(...args))
  beat = (...args: [string, BeatOptions]): Promise<PresenceBeat> => this.#call(() => this.#store.beat(...args))
  retire = (...args: [string, number]): Promise<void> => this.#call(() => this.#store.retire(...args))
  sweep = (options: SweepOptions): Promise<readonly DeadProcess[]> => this.#call(() => this.#store.sweep(options))
  bury = (process: string): Promise<void> => this.#call(() => this.#store.bury(process))
  who = (...args: [string, number]): Promise<PresenceSnapshot> => this.#call(() => this.#store.who(...args))

  async #call<Result>(call: () => Promise<Result>): Promise<Result> {
    await this.#pass()
    if (this.state === 'down' && this.#random.is(0.5)) throw new Error('down')
    const result = await call()
    await this.#pass()
    if (this.state === 'down') throw new Error('down, and done')
    return result
  }

  async #pass(): Promise<void> {
    await this.#clock.delay(this.#random.below(20))
    if (this.state === 'frozen' || this.state === 'dead')
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }
}

/** A log that records what is appended. */
class RecordingLog extends MemoryEventLog {
  readonly appended: { readonly epoch: string; readonly body: string }[] = []

  override async append(group: string, body: string, options: AppendOptions): Promise<Appended> {
    const appended = await super.append(group, body, options)
    this.appended.push({ epoch: appended.position.epoch, body })
    return appended
  }
}

/** A process of a simulated fleet. */
export interface FleetProcess {
  readonly presence: Presence
  readonly connection: Connection
  readonly groups: KeptGroups
  kill(): void
}

/** Processes with presence on one log in memory, in virtual time. */
export class Fleet {
  readonly clock: VirtualClock
  readonly log: RecordingLog
  readonly random: Random
  readonly processes: FleetProcess[] = []
  /** What the listeners of all processes got. */
  readonly left: string[] = []
  /** The ids of the people who have left, for which listeners were called. */
  readonly leftIds: Set<string> = new Set()

  constructor(random: Random) {
    this.random = random
    this.clock = new VirtualClock(random)
    this.log = new RecordingLog(this.clock)
  }

  /** Starts a process. */
  start(options: KeptGroupsOptions = {}): FleetProcess {
    const connection = new Connection(this.log.presence, this.clock, this.random)
    // Each process has its own watchers of the log.
    const sinks = new Map<string, Parameters<MemoryEventLog['watch']>[1]>()
    const { log } = this
    const own = {
      presence: connection,
      answers: log.answers,
      append: log.append.bind(log),
      send: log.send.bind(log),
      read: log.read.bind(log),
      set: log.set.bind(log),
      values: log.values.bind(log),
      watch: async (group: string, sink: Parameters<MemoryEventLog['watch']>[1]) => {
        sinks.set(group, sink)
        await this.#watch(group, sink)
      },
      unwatch: (group: string) => {
        const sink = sinks.get(group)
        if (sink !== undefined) this.#watchers.get(group)?.delete(sink)
        sinks.delete(group)
      },
      onGap: log.onGap.bind(log),
    }
    const groups = new KeptGroups(own, options, undefined, this.clock)
    const presence = groups.presence!
    presence.onLeft(({ key }, _group, id) => {
      this.left.push(key)
      this.leftIds.add(id)
    })
    const process: FleetProcess = {
      presence,
      connection,
      groups,
      kill: () => {
        connection.state = 'dead'
        void groups.close()
        this.processes.splice(this.processes.indexOf(process), 1)
      },
    }
    this.processes.push(process)
    return process
  }

  /** The keys that have entered and left, in order: `+anna`, `-anna`. */
  changes(): string[] {
    return this.log.appended.flatMap(({ body }) => changeOf(body))
  }

  /** Throws if a person has entered twice, or left twice, in one epoch of the log. */
  requireAlternation(): void {
    const present = new Map<string, boolean>()
    for (const { epoch, body } of this.log.appended) {
      for (const change of changeOf(body)) {
        const isIn = change.startsWith('+')
        const person = `${epoch} ${change.slice(1)}`
        if ((present.get(person) ?? false) === isIn) throw new Error(`${change} twice in ${this.changes().join(' ')}`)
        present.set(person, isIn)
      }
    }
  }

  async people(group: string): Promise<string[]> {
    const { people } = await this.log.presence.who(group, 10_000)
    return people.map(({ key }) => key).toSorted()
  }

  readonly #watchers = new Map<string, Set<Parameters<MemoryEventLog['watch']>[1]>>()

  async #watch(group: string, sink: Parameters<MemoryEventLog['watch']>[1]): Promise<void> {
    const watchers = this.#watchers.get(group) ?? new Set()
    this.#watchers.set(group, watchers.add(sink))
    await this.log.watch(group, {
      onEntry: (entry) => {
        for (const watcher of watchers) watcher.onEntry(entry)
      },
      onVolatile: () => {},
    })
  }
}

function changeOf(body: string): string[] {
  const change = parsePresenceEntry(body)!
  return change.kind === 'up' ? [] : [`${change.kind === 'in' ? '+' : '-'}${change.key}`]
}
