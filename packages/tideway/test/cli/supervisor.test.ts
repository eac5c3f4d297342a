import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { HEALTHY_AFTER_MS, restartBackoff, Supervisor } from '../../src/cli/processes/supervisor.ts'
import type { SupervisedWorker, WorkerEnd } from '../../src/cli/processes/worker-process.ts'
import type { WorkerStop } from '../../src/cli/processes/worker-messages.ts'
import { recordingLogger, type LogLine } from '../server/serving.ts'

/** A fake process, which the test controls. */
class FakeWorker implements SupervisedWorker {
  static made: FakeWorker[] = []
  readonly pid = FakeWorker.made.push(this)
  isReady = false
  end: WorkerEnd | undefined
  readonly told: string[] = []
  #listen!: (urls: readonly string[] | undefined) => void
  #exit!: (end: WorkerEnd) => void
  readonly ready = new Promise<readonly string[] | undefined>((resolve) => {
    this.#listen = resolve
  })
  readonly ended = new Promise<WorkerEnd>((resolve) => {
    this.#exit = resolve
  })

  listen(): void {
    this.isReady = true
    this.#listen(['http://127.0.0.1:1'])
  }

  exit(code: number | null, signal: string | null = null): void {
    this.end = { code, signal }
    this.#exit(this.end)
    this.#listen(undefined)
  }

  stop({ isReplaced, canMove }: WorkerStop): void {
    this.told.push(isReplaced ? 'replaced' : canMove ? 'stop' : 'stop without a move')
  }

  reopenLogs(): void {
    this.told.push('reopen')
  }

  kill(): void {
    this.told.push('kill')
    this.exit(null, 'SIGKILL')
  }
}

let log: LogLine[]

beforeEach(() => {
  vi.useFakeTimers()
  FakeWorker.made = []
  log = []
})
afterEach(() => {
  vi.useRealTimers()
})

function supervisorOf(workers: number): Supervisor {
  return new Supervisor({
    workers,
    start: () => new FakeWorker(),
    startTimeoutMs: 100_000,
    stopTimeoutMs: 2000,
    logger: recordingLogger(log),
  })
}

/** Lets what was resolved have its consequences. */
const settled = (): Promise<unknown> => vi.advanceTimersByTimeAsync(0)
const worker = (number: number): FakeWorker => FakeWorker.made[number - 1]!
const messages = (): string[] => log.map(({ message }) => message)

async function started(workers: number): Promise<Supervisor> {
  const supervisor = supervisorOf(workers)
  const starting = supervisor.start()
  for (let number = 1; number <= workers; number++) {
    worker(number).listen()
    await settled()
  }
  expect(await starting).toEqual(['http://127.0.0.1:1'])
  return supervisor
}

/** The longest that the nth restart in a row is waited for. */
const longestWait = (n: number): number => Math.min(restartBackoff.mostMs, restartBackoff.firstMs * 2 ** (n - 1))

describe('the start of a supervisor', () => {
  it('starts the first worker alone, and then the others', async () => {
    const supervisor = supervisorOf(3)
    const starting = supervisor.start()
    expect(FakeWorker.made).toHaveLength(1)
    worker(1).listen()
    await settled()
    expect(FakeWorker.made).toHaveLength(3)
    worker(2).listen()
    worker(3).listen()
    expect(await starting).toEqual(['http://127.0.0.1:1'])
  })

  it('fails if the first worker does not start, and starts no other', async () => {
    const starting = supervisorOf(3).start()
    worker(1).exit(1)
    expect(await starting).toBe(1)
    expect(FakeWorker.made).toHaveLength(1)
  })

  it('stops the others if a later one does not start', async () => {
    const starting = supervisorOf(2).start()
    worker(1).listen()
    await settled()
    worker(2).exit(1)
    await settled()
    expect(worker(1).told).toEqual(['stop'])
    worker(1).exit(0)
    expect(await starting).toBe(1)
  })

  it('kills a worker that does not listen in time', async () => {
    const starting = supervisorOf(1).start()
    await vi.advanceTimersByTimeAsync(99_999)
    expect(worker(1).told).toEqual([])
    await vi.advanceTimersByTimeAsync(1)
    expect(worker(1).told).toEqual(['kill'])
    expect(await starting).toBe(1)
  })
})

describe('a crashed worker', () => {
  it('is replaced after a wait that doubles, up to half a minute', async () => {
    await started(2)
    for (let crash = 1; crash <= 12; crash++) {
      const number = FakeWorker.made.length
      worker(number).exit(7)
      await settled()
      await vi.advanceTimersByTimeAsync(longestWait(crash) / 2 - 1)
      expect(FakeWorker.made).toHaveLength(number)
      await vi.advanceTimersByTimeAsync(longestWait(crash) / 2 + 1)
      expect(FakeWorker.made).toHaveLength(number + 1)
      worker(number + 1).listen()
      await settled()
    }
    expect(messages()[0]).toMatch(/^Worker 2 ended with exit code 7\. The next worker starts in 0\.[12] s\.$/)
  })

  it('is replaced after the same wait if it ends before it listens', async () => {
    await started(1)
    worker(1).exit(null, 'SIGSEGV')
    await settled()
    await vi.advanceTimersByTimeAsync(longestWait(1))
    worker(2).exit(1)
    await settled()
    await vi.advanceTimersByTimeAsync(longestWait(2) / 2 - 1)
    expect(FakeWorker.made).toHaveLength(2)
    await vi.advanceTimersByTimeAsync(longestWait(2) / 2 + 1)
    expect(FakeWorker.made).toHaveLength(3)
    expect(messages()[0]).toContain('SIGSEGV')
  })

  it('is replaced after a short wait if it lived for a minute', async () => {
    await started(1)
    for (let crash = 1; crash <= 6; crash++) {
      worker(FakeWorker.made.length).exit(1)
      await settled()
      await vi.advanceTimersByTimeAsync(longestWait(crash))
      worker(FakeWorker.made.length).listen()
      await settled()
    }
    await vi.advanceTimersByTimeAsync(HEALTHY_AFTER_MS + 1)
    worker(7).exit(1)
    await settled()
    await vi.advanceTimersByTimeAsync(longestWait(1))
    expect(FakeWorker.made).toHaveLength(8)
  })
})

describe('a restart of workers', () => {
  it('stops an old worker when its new one listens, and continues when the old one has ended', async () => {
    const supervisor = await started(2)
    supervisor.restart()
    await settled()
    expect(FakeWorker.made).toHaveLength(3)
    expect(worker(1).told).toEqual([])
    worker(3).listen()
    await settled()
    expect(worker(1).told).toEqual(['replaced'])
    expect(FakeWorker.made).toHaveLength(3)
    worker(1).exit(0)
    await settled()
    expect(FakeWorker.made).toHaveLength(4)
    worker(4).listen()
    await settled()
    worker(2).exit(0)
    await settled()
    expect(messages().at(-1)).toBe('All workers were replaced.')
    // Nothing waits for workers that were asked to end.
    await vi.advanceTimersByTimeAsync(longestWait(9))
    expect(FakeWorker.made).toHaveLength(4)
  })

  it('ends if a new worker does not start, and keeps the old ones', async () => {
    const supervisor = await started(2)
    supervisor.restart()
    await settled()
    worker(3).exit(1)
    await settled()
    expect(messages().at(-1)).toMatch(/did not start: the restart stops/)
    expect([worker(1).told, worker(2).told]).toEqual([[], []])
    expect(FakeWorker.made).toHaveLength(3)
  })

  it('runs once more after any number of calls during a restart', async () => {
    const supervisor = await started(1)
    supervisor.restart()
    await settled()
    supervisor.restart()
    supervisor.restart()
    worker(2).listen()
    await settled()
    worker(1).exit(0)
    await settled()
    worker(3).listen()
    await settled()
    worker(2).exit(0)
    await settled()
    expect(FakeWorker.made).toHaveLength(3)
  })

  it('kills an old worker that does not end in time', async () => {
    const supervisor = await started(1)
    supervisor.restart()
    await settled()
    worker(2).listen()
    await vi.advanceTimersByTimeAsync(1999)
    expect(worker(1).told).toEqual(['replaced'])
    await vi.advanceTimersByTimeAsync(1)
    expect(worker(1).told).toEqual(['replaced', 'kill'])
  })

  it('waits for the start of the workers', async () => {
    const supervisor = supervisorOf(2)
    const starting = supervisor.start()
    supervisor.restart()
    worker(1).listen()
    await settled()
    expect(FakeWorker.made).toHaveLength(2)
    worker(2).listen()
    await starting
    await settled()
    expect(FakeWorker.made).toHaveLength(3)
  })

  it('replaces a crashed worker that waits for its restart', async () => {
    const supervisor = await started(1)
    worker(1).exit(1)
    await settled()
    supervisor.restart()
    await settled()
    worker(2).listen()
    await vi.advanceTimersByTimeAsync(longestWait(1))
    expect(FakeWorker.made).toHaveLength(2)
  })
})

describe('a restart during the start of a replacement', () => {
  it.each([
    ['that does not listen yet', false],
    ['that has just listened', true],
  ])('replaces the worker %s, and leaves as many workers as before', async (_name, hasListened) => {
    const supervisor = await started(2)
    worker(1).exit(1)
    await settled()
    await vi.advanceTimersByTimeAsync(longestWait(1))
    expect(FakeWorker.made).toHaveLength(3)
    supervisor.restart()
    await settled()
    worker(4).listen()
    if (hasListened) worker(3).listen()
    await settled()
    expect(worker(3).told).toEqual(['replaced'])
    worker(3).exit(0)
    await settled()
    worker(5).listen()
    await settled()
    worker(2).exit(0)
    await vi.advanceTimersByTimeAsync(longestWait(9))
    expect(FakeWorker.made).toHaveLength(5)
    expect(messages().filter((message) => message.includes('did not start'))).toEqual([])
    // The slot has the new worker: its crash is seen.
    worker(4).exit(1)
    await settled()
    await vi.advanceTimersByTimeAsync(longestWait(1))
    expect(FakeWorker.made).toHaveLength(6)
  })
})

describe('the stop of a supervisor', () => {
  it('stops all workers, and resolves with the worst exit code', async () => {
    const supervisor = await started(2)
    const code = supervisor.stop()
    expect([worker(1).told, worker(2).told]).toEqual([['stop'], ['stop']])
    worker(1).exit(0)
    worker(2).exit(3)
    expect(await code).toBe(3)
    expect(FakeWorker.made).toHaveLength(2)
  })

  it('passes on that no other server serves the clients', async () => {
    const supervisor = await started(2)
    void supervisor.stop(false)
    expect([worker(1).told, worker(2).told]).toEqual([['stop without a move'], ['stop without a move']])
  })

  it('resolves with 0 if all end with 0, and with 1 if a signal ends one', async () => {
    const orderly = await started(1)
    const code = orderly.stop()
    worker(1).exit(0)
    expect(await code).toBe(0)
    FakeWorker.made = []
    const killed = await started(1)
    const other = killed.stop()
    worker(1).exit(null, 'SIGKILL')
    expect(await other).toBe(1)
  })

  it('kills late workers, and resolves with 3', async () => {
    const supervisor = await started(2)
    const code = supervisor.stop()
    worker(1).exit(0)
    await vi.advanceTimersByTimeAsync(2000)
    expect(worker(1).told).toEqual(['stop'])
    expect(worker(2).told).toEqual(['stop', 'kill'])
    expect(await code).toBe(3)
  })

  it('stops old and new workers during a restart, and starts no more', async () => {
    const supervisor = await started(2)
    supervisor.restart()
    await settled()
    const code = supervisor.stop()
    expect(FakeWorker.made.map(({ told }) => told)).toEqual([['stop'], ['stop'], ['stop']])
    // The one that had not listened yet says nothing of how well the others ended.
    worker(3).exit(1)
    worker(1).exit(0)
    worker(2).exit(0)
    expect(await code).toBe(0)
    await vi.advanceTimersByTimeAsync(longestWait(9))
    expect(FakeWorker.made).toHaveLength(3)
  })

  it('starts no worker that waits after a crash', async () => {
    const supervisor = await started(1)
    worker(1).exit(1)
    await settled()
    expect(await supervisor.stop()).toBe(0)
    await vi.advanceTimersByTimeAsync(longestWait(1))
    expect(FakeWorker.made).toHaveLength(1)
  })

  it('resolves without an error during the start of the first worker', async () => {
    const supervisor = supervisorOf(2)
    const starting = supervisor.start()
    const code = supervisor.stop()
    worker(1).exit(0)
    expect([await starting, await code]).toEqual([0, 0])
    expect(FakeWorker.made).toHaveLength(1)
  })
})

it('a supervisor makes every running worker open its log again', async () => {
  const supervisor = await started(2)
  supervisor.reopenLogs()
  expect([worker(1).told, worker(2).told]).toEqual([['reopen'], ['reopen']])
})
