import type { Clock } from '../log/clock.ts'
import { randomSuffix } from '../random-suffix.ts'
import type { ResolvedPresenceOptions } from './presence-options.ts'
import type { DeadProcess, PresenceStore, SuspectProcess } from './presence-store.ts'

/** The most suspects of one sweep. More wait for the next one. */
const MAX_SUSPECTS = 1000

/** How long a layer that closes waits for the store. The lease ends anyway. */
const MAX_RETIRE_MS = 1000

/** The callbacks of a lease. */
export interface LeaseListener {
  /** The process has another name: what it has written under the old one is removed. */
  onRenamed(old: string): void
  /** The store has answered a beat. */
  onBeat(): void
  /** The store has not answered a beat. */
  onBeatFailed(): void
  /** Removes the members of a dead process. Resolves with whether nothing is left to do. Rejects if the store does not answer. */
  onDead(dead: DeadProcess): Promise<boolean>
}

/**
 * The lease of this process in a store. A process that loses its lease gets another name: members under the old name are removed by
 * other processes, possibly at this moment, and can never be mixed up with those that it enters again.
 */
export class PresenceLease {
  readonly #store: PresenceStore
  readonly #clock: Clock
  readonly #options: ResolvedPresenceOptions
  readonly #listener: LeaseListener
  #process = randomSuffix()
  #isLeased = false
  readonly #announced = new Set<string>()
  /** Groups that the process has announced and in which it has no more members. */
  readonly #without = new Set<string>()
  #suspects: SuspectProcess[] = []
  /** The times of the last beat, here and at the store. */
  #last: { readonly at: number; readonly now: number } | undefined
  /** Since when the beats come without a pause. */
  #steadySince = 0
  #cancelTimer: (() => void) | undefined
  #isStarted = false
  #isBeating = false
  #needsBeat = false
  #isSweeping = false
  #isClosed = false

  constructor(store: PresenceStore, clock: Clock, options: ResolvedPresenceOptions, listener: LeaseListener) {
    this.#store = store
    this.#clock = clock
    this.#options = options
    this.#listener = listener
  }

  /** The name of the process. */
  get process(): string {
    return this.#process
  }

  /** Begins to beat. A process without members beats too, because it removes the members of dead ones. */
  start(): void {
    if (this.#isStarted) return
    this.#isStarted = true
    void this.#beat()
  }

  /** Resolves with the name of the process when it may enter members into the group. */
  async announce(group: string): Promise<string> {
    this.start()
    for (;;) {
      const process = this.#process
      if (this.#announced.has(group)) return process
      this.#without.delete(group)
      await this.#announce([group])
      if (process === this.#process) this.#announced.add(group)
    }
  }

  /** The process has no more members in the group. */
  forget(group: string): void {
    if (this.#announced.delete(group)) this.#without.add(group)
  }

  /** Checks at the next sweep whether these processes have leases. */
  suspect(group: string, processes: readonly string[]): void {
    for (const process of processes) if (process !== this.#process) this.#suspects.push({ process, group })
  }

  /** Beats now: the store may have lost its data. `onBeat` is called after a beat that has begun later than this call. */
  check(): void {
    if (!this.#isStarted) return
    this.#needsBeat = true
    void this.#beat()
  }

  /** Ends the lease after the grace time, because the process stops. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#cancelTimer?.()
    if (!this.#isLeased) return
    const retired = this.#store.retire(this.#process, Math.max(1, this.#options.graceMs)).catch(() => {})
    let cancel = (): void => {}
    const tooLate = new Promise<void>((resolve) => {
      cancel = this.#clock.after(MAX_RETIRE_MS, resolve)
    })
    await Promise.race([retired, tooLate]).finally(() => cancel())
  }

  async #beat(): Promise<void> {
    if (this.#isBeating || this.#isClosed) return
    this.#isBeating = true
    this.#cancelTimer?.()
    try {
      do {
        this.#needsBeat = false
        await this.#renew()
      } while (this.#needsBeat)
      this.#listener.onBeat()
      if (this.#last !== undefined && this.#last.at - this.#steadySince >= this.#options.leaseMs) void this.#sweep()
    } catch {
      // The next beat tries again, and finds whether the lease has ended.
      this.#listener.onBeatFailed()
    } finally {
      this.#isBeating = false
      if (!this.#isClosed) this.#cancelTimer = this.#clock.after(this.#options.beatMs, () => void this.#beat())
    }
  }

  async #renew(): Promise<void> {
    if (!this.#isLeased) await this.#announce([])
    const process = this.#process
    const without = [...this.#without]
    const { isKnown, now } = await this.#store.beat(process, { leaseMs: this.#options.leaseMs, without })
    if (process !== this.#process) return
    for (const group of without) this.#without.delete(group)
    if (isKnown) this.#observe(now)
    else this.#rename()
  }

  async #announce(groups: readonly string[]): Promise<void> {
    const process = this.#process
    const isNew = !this.#isLeased
    let isAnnounced = false
    try {
      isAnnounced = await this.#store.announce(process, groups, { leaseMs: this.#options.leaseMs, isNew })
    } catch (error) {
      // The lease may have begun, and end before the next try.
      if (isNew && process === this.#process) this.#process = randomSuffix()
      throw error
    }
    if (process !== this.#process) return
    if (isAnnounced) this.#isLeased = true
    else this.#rename()
  }

  #rename(): void {
    const old = this.#process
    this.#process = randomSuffix()
    // Nothing should be left under the old name: a net.
    for (const group of this.#announced) this.suspect(group, [old])
    this.#isLeased = false
    this.#announced.clear()
    this.#without.clear()
    this.#last = undefined
    this.#listener.onRenamed(old)
  }

  /**
   * Notes the time of a beat. After a pause of the store, the leases of all processes may have ended although they live. A process
   * that has beaten without a pause for a whole lease knows that the others could beat too. The clock of the store counts as well,
   * because it may be set.
   */
  #observe(now: number): void {
    const at = this.#clock.now()
    const { leaseMs, beatMs } = this.#options
    const last = this.#last
    if (last === undefined || Math.max(at - last.at, now - last.now) > leaseMs - beatMs) this.#steadySince = at
    this.#last = { at, now }
  }

  async #sweep(): Promise<void> {
    if (this.#isSweeping) return
    this.#isSweeping = true
    try {
      const suspects = this.#suspects.splice(0, MAX_SUSPECTS)
      for (const dead of await this.#store.sweep({ retryMs: this.#options.leaseMs, suspects })) await this.#remove(dead)
    } catch {
      // The suspects are checked again when their group is opened again.
    } finally {
      this.#isSweeping = false
    }
  }

  async #remove(dead: DeadProcess): Promise<void> {
    try {
      if (await this.#listener.onDead(dead)) await this.#store.bury(dead.process)
    } catch {
      // The store returns it again.
    }
  }
}
