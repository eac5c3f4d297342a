import type { Clock } from '../log/clock.ts'
import type { PresenceLease } from './presence-lease.ts'
import type { KeepLeftOptions, LeftPerson, PresenceStore, PresenceWrite } from './presence-store.ts'

/** The most members that one script writes. */
const MAX_BATCH = 200

/** What the members of all groups of a process share. */
export interface MembersContext {
  readonly store: PresenceStore
  readonly lease: PresenceLease
  readonly clock: Clock
  readonly graceMs: number
  readonly keepOptions: KeepLeftOptions
  nextMember(): number
  /** So many connections have entered. */
  entered(count: number): void
  /** This process has removed the last member of these people, under this name. */
  left(group: string, process: string, people: readonly LeftPerson[]): void
  /** The process has no member in the group. */
  emptied(members: GroupMembers): void
}

/** A member of this process: what it should be in the store, and what it is there. */
interface Member {
  readonly id: number
  readonly key: string
  meta: string
  wanted: 'in' | 'out'
  /** `unknown`: the store may or may not have the member. */
  stored: 'in' | 'out' | 'unknown'
  storedMeta: string
  /** Whether it was in the store before, which may have lost it. */
  wasStored: boolean
  cancelGrace: (() => void) | undefined
  waiting: { readonly resolve: () => void; readonly reject: (error: unknown) => void }[]
}

/** When the presence of a connection ends. */
export interface LeaveOptions {
  /** At once. @default false: after the grace time */
  readonly isFinal?: boolean
  /** After this number of milliseconds, if that is longer than the grace time. The next connection of the person continues it. */
  readonly leaseMs?: number | undefined
}

/** The presence of one connection in one group. */
export interface PresenceHandle {
  /** Changes the meta of the person. Resolves when the change is in the log. */
  update(meta: string): Promise<void>
  /** Ends the presence after the grace time, or as the options say. */
  leave(options?: LeaveOptions): void
}

/**
 * The members of this process in one group. Writes one batch at a time, so that a member is never removed before it is entered, and
 * 1,000 members that enter together cost a few scripts.
 */
export class GroupMembers {
  readonly group: string
  readonly #context: MembersContext
  readonly #members = new Set<Member>()
  readonly #dirty = new Set<Member>()
  /** Members whose connections have ended and are expected to return, by their keys. */
  readonly #leased = new Map<string, Member[]>()
  #isWriting = false

  constructor(group: string, context: MembersContext) {
    this.group = group
    this.#context = context
  }

  get isEmpty(): boolean {
    return this.#members.size === 0
  }

  /** The number of members. */
  get size(): number {
    return this.#members.size
  }

  /** Resolves when the member is in the store. After a rejection it is not, or is removed as soon as possible. */
  async enter(key: string, meta: string): Promise<PresenceHandle> {
    const leased = this.#leased.get(key)?.at(-1)
    if (leased !== undefined) {
      this.#endLease(leased)
      return this.#continue(leased, meta)
    }
    const member: Member = {
      id: this.#context.nextMember(),
      key,
      meta,
      wanted: 'in',
      stored: 'out',
      storedMeta: '',
      wasStored: false,
      cancelGrace: undefined,
      waiting: [],
    }
    this.#members.add(member)
    try {
      await this.#written(member)
    } catch (error) {
      this.#remove(member)
      throw error
    }
    return this.#handleOf(member)
  }

  /** A person who polls returns: the store has the member already. */
  async #continue(member: Member, meta: string): Promise<PresenceHandle> {
    member.cancelGrace?.()
    if (member.meta !== meta || member.stored !== 'in') {
      member.meta = meta
      await this.#written(member)
    }
    return this.#handleOf(member)
  }

  #handleOf(member: Member): PresenceHandle {
    return {
      update: async (next) => {
        member.meta = next
        if (member.wanted === 'in') await this.#written(member)
      },
      leave: ({ isFinal = false, leaseMs = 0 } = {}) => this.#leave(member, isFinal, leaseMs),
    }
  }

  /** Writes what could not be written before. */
  retry(): void {
    if (this.#dirty.size > 0) void this.#write()
  }

  /** Writes all members again: the store may have lost them. */
  restore(): void {
    for (const member of this.#members) {
      if (member.wanted === 'in' && member.stored === 'in') member.stored = 'unknown'
      if (member.stored === 'unknown') this.#dirty.add(member)
    }
    this.retry()
  }

  /** Enters all members again: those under the old name of the process are removed by others. */
  enterAgain(): void {
    for (const member of this.#members) {
      member.stored = 'out'
      this.#dirty.add(member)
    }
    this.retry()
  }

  /** Ends all timers. The members stay in the store until the lease ends. */
  close(): void {
    for (const { cancelGrace } of this.#members) cancelGrace?.()
    this.#dirty.clear()
    this.#members.clear()
    this.#leased.clear()
  }

  #leave(member: Member, isFinal: boolean, leaseMs: number): void {
    const { clock } = this.#context
    const graceMs = Math.max(leaseMs, this.#context.graceMs)
    member.cancelGrace?.()
    if (isFinal || graceMs === 0) this.#remove(member)
    else {
      if (leaseMs > 0) this.#lease(member)
      member.cancelGrace = clock.after(graceMs, () => this.#remove(member))
    }
  }

  #lease(member: Member): void {
    const ofKey = this.#leased.get(member.key)
    if (ofKey === undefined) this.#leased.set(member.key, [member])
    else ofKey.push(member)
  }

  #endLease(member: Member): void {
    const ofKey = this.#leased.get(member.key)
    const index = ofKey?.indexOf(member) ?? -1
    if (index !== -1) ofKey!.splice(index, 1)
    if (ofKey?.length === 0) this.#leased.delete(member.key)
  }

  #remove(member: Member): void {
    member.cancelGrace?.()
    if (this.#leased.size > 0) this.#endLease(member)
    member.wanted = 'out'
    this.#dirty.add(member)
    void this.#write()
  }

  #written(member: Member): Promise<void> {
    this.#dirty.add(member)
    const written = new Promise<void>((resolve, reject) => member.waiting.push({ resolve, reject }))
    void this.#write()
    return written
  }

  async #write(): Promise<void> {
    if (this.#isWriting) return
    this.#isWriting = true
    try {
      while (this.#dirty.size > 0) {
        const batch = [...this.#dirty].slice(0, MAX_BATCH)
        for (const member of batch) this.#dirty.delete(member)
        await this.#writeBatch(batch)
      }
    } catch (error) {
      // The rest is written after the next beat. No caller waits for it.
      for (const { waiting } of this.#dirty) for (const { reject } of waiting.splice(0)) reject(error)
    } finally {
      this.#isWriting = false
      if (this.isEmpty) this.#context.emptied(this)
    }
  }

  async #writeBatch(batch: readonly Member[]): Promise<void> {
    // Members may change during a write.
    const wanted = batch.map((member) => ({ member, wanted: member.wanted, meta: member.meta }))
    try {
      const entering = wanted.filter((one) => one.wanted === 'in')
      const leaving = wanted.filter((one) => one.wanted === 'out' && one.member.stored !== 'out')
      if (entering.length > 0) await this.#enterAll(entering)
      if (leaving.length > 0) await this.#leaveAll(leaving.map(({ member }) => member))
    } catch (error) {
      for (const { member } of wanted) {
        if (member.stored === 'in') member.stored = 'unknown'
        this.#dirty.add(member)
      }
      throw error
    }
    for (const { member, meta } of wanted) this.#settle(member, meta)
  }

  #settle(member: Member, meta: string): void {
    if (member.wanted === 'out' && member.stored === 'out') {
      this.#members.delete(member)
      this.#dirty.delete(member)
    } else if (member.wanted !== member.stored || member.meta !== meta) this.#dirty.add(member)
    if (member.meta === meta && member.stored === 'in') for (const { resolve } of member.waiting.splice(0)) resolve()
  }

  async #enterAll(entering: readonly { readonly member: Member; readonly meta: string }[]): Promise<void> {
    const { store, lease } = this.#context
    const process = await lease.announce(this.group)
    const writes = entering.map(({ member, meta }) => writeOf(member, meta))
    for (const { member } of entering) member.stored = 'unknown'
    await store.enter(this.group, process, writes)
    if (process !== lease.process) {
      // Entered under the old name, perhaps after others have removed the members of that name.
      await this.#removeFromStore(
        process,
        writes.map(({ member }) => member),
      )
      for (const { member } of entering) member.stored = 'out'
      return
    }
    this.#context.entered(entering.filter(({ member }) => !member.wasStored).length)
    for (const { member, meta } of entering) Object.assign(member, { stored: 'in', storedMeta: meta, wasStored: true })
  }

  async #leaveAll(leaving: readonly Member[]): Promise<void> {
    await this.#removeFromStore(
      this.#context.lease.process,
      leaving.map(({ id }) => id),
    )
    for (const member of leaving) member.stored = 'out'
  }

  async #removeFromStore(process: string, members: readonly number[]): Promise<void> {
    const { store, keepOptions } = this.#context
    const { left } = await store.leave(this.group, process, members, keepOptions)
    if (left.length > 0) this.#context.left(this.group, process, left)
  }
}

function writeOf({ id, key, stored, storedMeta, wasStored }: Member, meta: string): PresenceWrite {
  const isChanged = !wasStored || storedMeta !== meta
  const kind = !isChanged ? 'restore' : stored === 'in' ? 'update' : 'enter'
  return { kind, member: id, key, meta }
}
