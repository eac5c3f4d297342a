import { describe, expect, it } from 'vitest'
import { describePresenceStore } from 'tideway/layer/contract'
import {
  MemoryEventLog,
  type AnnounceOptions,
  type PresenceLeave,
  type PresenceSnapshot,
  type PresenceStore,
  type PresenceWrite,
} from 'tideway/layer/kit'

type Calls = { -readonly [Name in keyof PresenceStore]?: PresenceStore[Name] }

/** Runs one test of `describePresenceStore` for a store in memory with a fault. */
async function run(test: string, fault: (store: PresenceStore) => Calls): Promise<void> {
  const tests = new Map<string, () => Promise<void>>()
  const runner = {
    describe: (_name: string, body: () => void) => body(),
    it: Object.assign((name: string, body: () => Promise<void>) => void tests.set(name, body), { skip: () => {} }),
  }
  const makeLog = (): MemoryEventLog => {
    const log = new MemoryEventLog()
    const { presence } = log
    Object.assign(
      presence,
      fault({
        announce: presence.announce.bind(presence),
        enter: presence.enter.bind(presence),
        leave: presence.leave.bind(presence),
        settle: presence.settle.bind(presence),
        beat: presence.beat.bind(presence),
        retire: presence.retire.bind(presence),
        sweep: presence.sweep.bind(presence),
        bury: presence.bury.bind(presence),
        who: presence.who.bind(presence),
      }),
    )
    return log
  }
  describePresenceStore('a store', makeLog, { runner, close: (log) => log.close() })
  await tests.get(test)!()
}

const faults = {
  'has one process': ({ enter, leave }: PresenceStore): Calls => ({
    enter: (group, _process, writes) => enter(group, 'one', writes),
    leave: (group, _process, members) => leave(group, 'one', members),
  }),
  'has one group': ({ enter }: PresenceStore): Calls => ({
    enter: (_group, process, writes) => enter('group', process, writes),
  }),
  'enters a repeated member as another one': ({ enter }: PresenceStore): Calls => {
    let number = 1000
    return {
      enter: (group: string, process: string, writes: readonly PresenceWrite[]) =>
        enter(group, process, [...writes, ...writes.map((write) => ({ ...write, member: number++ }))]),
    }
  },
  'ignores metas of later members': ({ enter }: PresenceStore): Calls => ({
    enter: (group, process, writes) =>
      enter(
        group,
        process,
        writes.map((write) => ({ ...write, kind: 'restore' as const })),
      ),
  }),
  'restores like it enters': ({ enter }: PresenceStore): Calls => ({
    enter: (group, process, writes) =>
      enter(
        group,
        process,
        writes.map((write) => ({ ...write, kind: 'enter' as const })),
      ),
  }),
  'returns a person again': ({ leave }: PresenceStore): Calls => ({
    leave: async (group, process, members, options): Promise<PresenceLeave> => {
      const result = await leave(group, process, members, options)
      return { ...result, left: [...result.left, { member: 1, key: 'anna', meta: '1' }] }
    },
  }),
  'ignores the limit': ({ who }: PresenceStore): Calls => ({
    who: (group): Promise<PresenceSnapshot> => who(group, 10_000),
  }),
  'revives a dead process': ({ announce }: PresenceStore): Calls => ({
    announce: (process, groups, options: AnnounceOptions) => announce(process, groups, { ...options, isNew: true }),
  }),
  'returns a dead process to every caller': ({ sweep }: PresenceStore): Calls => ({
    sweep: (options) => sweep({ ...options, retryMs: 0 }),
  }),
  'ignores suspects': ({ sweep }: PresenceStore): Calls => ({
    sweep: (options) => sweep({ ...options, suspects: [] }),
  }),
  'buries nothing': (): Calls => ({ bury: async () => {} }),
  'retires nothing': (): Calls => ({ retire: async () => {} }),
  'forgets no group': ({ beat }: PresenceStore): Calls => ({
    beat: (process, options) => beat(process, { ...options, without: [] }),
  }),
}

describe('the contract of presence', () => {
  it.concurrent.each([
    ['has one process', 'removes all members of a process, and no other ones'],
    ['has one group', 'keeps the people of groups apart'],
    ['enters a repeated member as another one', 'enters a member once, also if the call is repeated'],
    ['ignores metas of later members', 'keeps the meta of the last member that entered or changed it'],
    ['restores like it enters', 'restores a lost member without a change of the meta of the person'],
    ['returns a person again', 'removes a member once, also if several calls remove it'],
    ['ignores the limit', 'returns at most `limit` people, and the count of all'],
    ['revives a dead process', 'announces a process without a lease only if it is new'],
    ['returns a dead process to every caller', 'returns concurrent callers a dead process once'],
    ['ignores suspects', 'returns a suspect without a lease as dead, and no other one'],
    ['buries nothing', 'returns a dead process to one caller, and again after retryMs, until it is buried'],
    ['retires nothing', 'ends a lease sooner if the process stops'],
    ['forgets no group', 'forgets the groups that a process no longer has'],
  ] as const)('rejects a store that %s: "%s"', async (fault, test) => {
    await run(test, () => ({}))
    await expect(run(test, faults[fault])).rejects.toBeInstanceOf(Error)
  })
})
