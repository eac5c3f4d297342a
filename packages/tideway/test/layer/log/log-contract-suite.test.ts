import { describe, expect, it } from 'vitest'
import type { Appended, ReadResult } from 'tideway/layer'
import { describeEventLog, type EventLogContractOptions } from 'tideway/layer/contract'
import {
  MemoryEventLog,
  type AppendOptions,
  type Claim,
  type LogSink,
  type ReadOptions,
  type SetOptions,
  type SetResult,
  type StateRead,
  type ValuesOptions,
} from 'tideway/layer/kit'
import { systemClock } from '../../../src/layer/log/clock.ts'
import { MemoryAnswers } from '../../../src/layer/log/memory-answers.ts'

/** Runs `describeEventLog` with a runner that keeps the tests instead of running them. */
function register(
  makeLog: () => MemoryEventLog,
  options: Omit<EventLogContractOptions<MemoryEventLog>, 'runner'> = {},
): ReadonlyMap<string, () => Promise<void>> {
  const tests = new Map<string, () => Promise<void>>()
  const runner = {
    describe: (_name: string, body: () => void) => body(),
    it: Object.assign((name: string, body: () => Promise<void>) => void tests.set(name, body), { skip: () => {} }),
  }
  describeEventLog('a log', makeLog, { runner, close: (log) => log.close(), ...options })
  return tests
}

describe('describeEventLog', () => {
  it('registers the tests that cross processes only if it can make a second log', () => {
    const name = 'passes entries and volatile events of another process'
    expect(register(() => new MemoryEventLog()).has(name)).toBe(false)
    expect(register(() => new MemoryEventLog(), { makePeer: (log) => log }).has(name)).toBe(true)
  })

  it('throws for a test to skip that it does not have', () => {
    const skip = [{ reason: 'none', tests: ['appends everything twice'] }]
    expect(() => register(() => new MemoryEventLog(), { skip })).toThrow(
      'skip names a test that the contract does not have: "appends everything twice".',
    )
  })
})

class WithoutIds extends MemoryEventLog {
  override append(group: string, body: string, { id: _id, ...options }: AppendOptions): Promise<Appended> {
    return super.append(group, body, options)
  }
}

class Shortening extends MemoryEventLog {
  override append(group: string, body: string, options: AppendOptions): Promise<Appended> {
    return super.append(group, body.slice(0, 1000), options)
  }
}

/** Trims to a fixed size. */
class Small extends MemoryEventLog {
  override append(group: string, body: string, options: AppendOptions): Promise<Appended> {
    return super.append(group, body, { ...options, size: 1 })
  }
}

class Everlasting extends MemoryEventLog {
  override append(group: string, body: string, options: AppendOptions): Promise<Appended> {
    return super.append(group, body, { ...options, ttlMs: 600_000, headTtlMs: 600_000, idTtlMs: 600_000 })
  }
}

/** Calls every lost position continued. */
class Credulous extends MemoryEventLog {
  override async read(group: string, options: ReadOptions): Promise<ReadResult> {
    const { why: _why, ...result } = await super.read(group, options)
    return result.status === 'lost' ? { ...result, status: 'continues' } : result
  }
}

/** Returns the part of the missed entries that fits. */
class Partial extends MemoryEventLog {
  override read(group: string, options: ReadOptions): Promise<ReadResult> {
    return super.read(group, { ...options, maxEntries: 10_000, maxBytes: 100_000_000 })
  }
}

class Unlimited extends MemoryEventLog {
  override read(group: string, options: ReadOptions): Promise<ReadResult> {
    return super.read(group, { ...options, last: 10_000 })
  }
}

class Clinging extends MemoryEventLog {
  override unwatch(): void {}
}

/** Passes entries in the call that appends them. */
class Synchronous extends MemoryEventLog {
  #sink: LogSink | undefined

  override async watch(_group: string, sink: LogSink): Promise<void> {
    this.#sink = sink
  }

  override append(group: string, body: string, options: AppendOptions): Promise<Appended> {
    this.#sink?.onEntry({ epoch: 'epoch', offset: 1, body })
    return super.append(group, body, options)
  }
}

/** Has one log for all groups. */
class Shared extends MemoryEventLog {
  override append(_group: string, body: string, options: AppendOptions): Promise<Appended> {
    return super.append('group', body, options)
  }

  override read(_group: string, options: ReadOptions): Promise<ReadResult> {
    return super.read('group', options)
  }
}

/** Gives every owner the claim. */
class Generous extends MemoryEventLog {
  override readonly answers = new (class extends MemoryAnswers {
    override claim(key: string, _owner: string, ttlMs: number): Claim {
      return super.claim(key, 'all', ttlMs)
    }
  })(systemClock)
}

/** Gives an owner its claim only once. */
class Strict extends MemoryEventLog {
  #claims = 0
  override readonly answers = new StrictAnswers(() => `${this.#claims++}`)
}

class StrictAnswers extends MemoryAnswers {
  readonly #newOwner: () => string

  constructor(newOwner: () => string) {
    super(systemClock)
    this.#newOwner = newOwner
  }

  override claim(key: string, _owner: string, ttlMs: number): Claim {
    return super.claim(key, this.#newOwner(), ttlMs)
  }
}

/** Keeps claims and answers for the same long time. */
class Hoarding extends MemoryEventLog {
  override readonly answers = new (class extends MemoryAnswers {
    override claim(key: string, owner: string): Claim {
      return super.claim(key, owner, 600_000)
    }

    override answer(key: string, answer: string): void {
      return super.answer(key, answer, 600_000)
    }
  })(systemClock)
}

/** Has one answer for all keys. */
class OneAnswer extends MemoryEventLog {
  override readonly answers = new (class extends MemoryAnswers {
    override claim(_key: string, owner: string, ttlMs: number): Claim {
      return super.claim('', owner, ttlMs)
    }

    override answer(_key: string, answer: string, ttlMs: number): void {
      return super.answer('', answer.slice(0, 1000), ttlMs)
    }
  })(systemClock)
}

/** Keeps every change of a key. */
class Accumulating extends MemoryEventLog {
  #count = 0

  override set(group: string, _key: string, body: string, options: SetOptions): Promise<SetResult> {
    return super.set(group, `${this.#count++}`, body, options)
  }
}

/** Forgets deletions. */
class Forgetful extends MemoryEventLog {
  override async values(group: string, options: ValuesOptions): Promise<StateRead> {
    const read = await super.values(group, options)
    return { ...read, entries: read.entries.filter(({ body }) => !body.startsWith('no ')) }
  }
}

class Careless extends MemoryEventLog {
  override set(group: string, key: string, body: string, options: SetOptions): Promise<SetResult> {
    return super.set(group, key, body, { ...options, ifVersion: undefined })
  }
}

class Boundless extends MemoryEventLog {
  override set(group: string, key: string, body: string, options: SetOptions): Promise<SetResult> {
    return super.set(group, key, body, { ...options, maxKeys: 10_000, maxBytes: 100_000_000 })
  }
}

class Timeless extends MemoryEventLog {
  override set(group: string, key: string, body: string, options: SetOptions): Promise<SetResult> {
    return super.set(group, key, body, { ...options, expiry: undefined, headTtlMs: 600_000 })
  }
}

/** Continues every position. */
class Floorless extends MemoryEventLog {
  override async values(group: string, options: ValuesOptions): Promise<StateRead> {
    const { why: _why, ...read } = await super.values(group, options)
    return read.status === 'lost' ? { ...read, status: 'continues' } : read
  }
}

describe('the contract of event logs', () => {
  it.concurrent.each([
    [WithoutIds, 'appends an event with an id once, and returns its position again'],
    [WithoutIds, 'appends concurrent events with one id once'],
    [Shortening, 'keeps and sends every text up to 64 KiB as it is'],
    [Small, 'keeps at least `size` entries, and at most twice as many and 100'],
    [Everlasting, 'appends an event with an id again after idTtlMs'],
    [Everlasting, 'begins a new epoch with offset 1, without the old entries, after headTtlMs'],
    [Everlasting, 'continues the newest position, and no other, after its entries expired'],
    [Credulous, 'loses a position of another epoch: "epoch"'],
    [Credulous, 'loses a position after the newest entry: "ahead"'],
    [Credulous, 'continues a position whose next entry is the oldest, and loses those before it: "trimmed"'],
    [Partial, 'loses a position with more than maxEntries after it: "behind"'],
    [Partial, 'loses a position with more than maxBytes after it: "behind"'],
    [Unlimited, 'returns the newest `last` entries without a position'],
    [Clinging, 'passes nothing after unwatch, and passes entries again after another watch'],
    [Synchronous, 'never calls the sink during the call that appends'],
    [Accumulating, 'returns the newest value of each key, in the order of the changes'],
    [Accumulating, 'continues a position after any number of changes'],
    [Forgetful, 'returns the newest changes after each position, deletions too'],
    [Careless, 'changes a key with ifVersion only if it has this version'],
    [Careless, 'changes a key once if concurrent changes have the same ifVersion'],
    [Boundless, 'rejects a key over maxKeys, and accepts it after a deletion'],
    [Boundless, 'rejects a value over maxBytes, and accepts it after a deletion'],
    [Timeless, 'deletes an expired value, and sends the deletion'],
    [Timeless, 'drops all values, and begins a new epoch, after headTtlMs'],
    [Floorless, 'loses a position of another epoch, and one after the newest change'],
    [Floorless, 'drops the oldest deletions, and loses exactly the positions before them: "trimmed"'],
    [Shared, 'keeps the logs of groups apart'],
    [Shared, 'loses every position of a log that another group has'],
    [Generous, 'gives the claim of a key to one of its concurrent owners'],
    [Strict, 'gives an owner its claim again'],
    [Strict, 'extends a claim for its owner'],
    [Hoarding, 'expires a claim that its owner does not extend'],
    [Hoarding, 'expires an answer'],
    [OneAnswer, 'keeps keys apart'],
    [OneAnswer, 'keeps every answer up to 64 KiB as it is'],
  ])('rejects a log with the fault %o: "%s"', async (Log, test) => {
    await expect(register(() => new Log()).get(test)!()).rejects.toBeInstanceOf(Error)
  })

  it('rejects a log that reaches only its own process', async () => {
    const test = 'passes entries and volatile events of another process'
    const tests = register(() => new MemoryEventLog(), { makePeer: () => new MemoryEventLog() })
    await expect(tests.get(test)!()).rejects.toBeInstanceOf(Error)
  })
})
