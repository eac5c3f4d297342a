import { closeThreads, computeThreads, databaseThreads, syncToAsync, ThreadPool } from 'tideway/worker'
import { afterEach, describe, expect, it } from 'vitest'
import { blocking, open, reaches, sharedNumber } from './threads.ts'

const pools: ThreadPool[] = []

function makePool(options: ConstructorParameters<typeof ThreadPool>[0]): ThreadPool {
  const pool = new ThreadPool(options)
  pools.push(pool)
  return pool
}

afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.close()))
})

const full = expect.objectContaining({ code: 'ERR_THREAD_POOL_FULL' }) as Error
const timedOut = expect.objectContaining({ code: 'ERR_CALL_TIMEOUT' }) as Error
const closed = expect.objectContaining({ code: 'ERR_THREAD_POOL_CLOSED' }) as Error

describe('the bounds of a pool', () => {
  it('start no thread before the first call', () => {
    expect(makePool({}).stats).toEqual({ threads: 0, running: 0, waiting: 0 })
    expect(databaseThreads.stats.threads + computeThreads.stats.threads).toBe(0)
  })

  it('run one call per thread at once, and reject a call above the bound', async () => {
    const pool = makePool({ maxThreads: 2, maxQueue: 3 })
    const hold = syncToAsync(blocking, 'hold', { pool })
    const [gate, begun] = [sharedNumber(), sharedNumber()]
    const held = Array.from({ length: 5 }, () => hold(gate, begun))
    await reaches(begun, 2)
    expect(pool.stats).toEqual({ threads: 2, running: 2, waiting: 3 })
    await expect(hold(gate, begun)).rejects.toThrow(full)
    await expect(hold(gate, begun)).rejects.toThrow('3 calls wait for the 2 threads of the pool')
    open(gate)
    expect(new Set(await Promise.all(held)).size).toBe(2)
    expect(Atomics.load(begun, 0)).toBe(5)
    expect(pool.stats).toMatchObject({ running: 0, waiting: 0 })
  })

  it('are refused if they are invalid', () => {
    expect(() => new ThreadPool({ maxThreads: 0 })).toThrow('maxThreads must be a whole number from 1 to 1000, not 0.')
    expect(() => new ThreadPool({ maxQueue: 1.5 })).toThrow('maxQueue must be a whole number')
    expect(() => new ThreadPool({ timeoutMs: Number.POSITIVE_INFINITY })).toThrow('timeoutMs')
    expect(() => new ThreadPool({ idleTimeoutMs: -1 })).toThrow('idleTimeoutMs')
  })
})

describe('a cancelled call', () => {
  it('loses its thread after its timeout, and waiting calls get another', async () => {
    const pool = makePool({ maxThreads: 1 })
    const gate = sharedNumber()
    const stuck = syncToAsync(blocking, 'hold', { pool, timeoutMs: 50 })(gate)
    const next = syncToAsync(blocking, 'add', { pool })(1, 2)
    await expect(stuck).rejects.toThrow(timedOut)
    expect(await next).toBe(3)
  })

  it('never runs if its timeout ends before it has a thread', async () => {
    const pool = makePool({ maxThreads: 1 })
    const hold = syncToAsync(blocking, 'hold', { pool })
    const [gate, begun] = [sharedNumber(), sharedNumber()]
    const first = hold(gate, begun)
    await expect(hold.with({ timeoutMs: 20 })(gate, begun)).rejects.toThrow(timedOut)
    open(gate)
    await first
    expect(await syncToAsync(blocking, 'add', { pool })(1, 2)).toBe(3)
    expect(Atomics.load(begun, 0)).toBe(1)
  })

  it('rejects with the reason of its signal, before, while it waits and while it runs', async () => {
    const pool = makePool({ maxThreads: 1 })
    const hold = syncToAsync(blocking, 'hold', { pool })
    const [gate, begun] = [sharedNumber(), sharedNumber()]
    await expect(hold.with({ signal: AbortSignal.abort('early') })(gate, begun)).rejects.toBe('early')
    const [running, waiting] = [new AbortController(), new AbortController()]
    const runs = hold.with({ signal: running.signal })(gate, begun)
    const waits = hold.with({ signal: waiting.signal })(gate, begun)
    await reaches(begun, 1)
    waiting.abort('tired of waiting')
    await expect(waits).rejects.toBe('tired of waiting')
    running.abort('enough')
    await expect(runs).rejects.toBe('enough')
    expect(await syncToAsync(blocking, 'add', { pool })(1, 2)).toBe(3)
    expect(Atomics.load(begun, 0)).toBe(1)
  })
})

describe('close() of a thread pool', () => {
  it('finishes running and waiting calls, and rejects more', async () => {
    const pool = makePool({ maxThreads: 1 })
    const hold = syncToAsync(blocking, 'hold', { pool })
    const [gate, begun] = [sharedNumber(), sharedNumber()]
    const held = [hold(gate, begun), hold(gate, begun)]
    await reaches(begun, 1)
    const end = pool.close()
    await expect(hold(gate)).rejects.toThrow(closed)
    open(gate)
    expect(await Promise.all(held)).toHaveLength(2)
    await end
    expect(pool.stats).toEqual({ threads: 0, running: 0, waiting: 0 })
  })

  it('rejects calls that do not end in time', async () => {
    const pool = makePool({ maxThreads: 1 })
    const hold = syncToAsync(blocking, 'hold', { pool })
    const [gate, begun] = [sharedNumber(), sharedNumber()]
    const held = [hold(gate, begun), hold(gate, begun)].map((call) => expect(call).rejects.toThrow(closed))
    await reaches(begun, 1)
    await pool.close(20)
    await Promise.all(held)
    expect(Atomics.load(begun, 0)).toBe(1)
  })

  it('resolves at once if no thread was started', async () => {
    await makePool({}).close()
    await closeThreads()
    await expect(syncToAsync(blocking, 'add')(1, 2)).rejects.toThrow(closed)
  })
})
