import { describe, expect, it } from 'vitest'
import { TurnQueue } from 'tideway/layer/kit'
import { MAX_WAITING_SENDS } from '../../src/layer/turn-queue.ts'
import { uncaughtDuring } from './uncaught.ts'

describe('TurnQueue', () => {
  it('runs jobs in their order, after the code that added them', async () => {
    const turns = new TurnQueue()
    const done: number[] = []
    for (let job = 0; job < 5; job++) expect(turns.add(() => done.push(job))).toBe(true)
    expect(done).toEqual([])
    await turns.drained()
    expect(done).toEqual([0, 1, 2, 3, 4])
  })

  it('runs a job that another job adds after the queued jobs, and never inside the other', async () => {
    const turns = new TurnQueue()
    const done: string[] = []
    turns.add(() => {
      turns.add(() => done.push('added'))
      done.push('first')
    })
    turns.add(() => done.push('second'))
    await turns.drained()
    await turns.drained()
    expect(done).toEqual(['first', 'second', 'added'])
  })

  it('runs jobs before the event loop continues', async () => {
    const turns = new TurnQueue()
    const done: string[] = []
    setImmediate(() => done.push('immediate'))
    turns.add(() => done.push('job'))
    await new Promise((resolve) => setImmediate(resolve))
    expect(done).toEqual(['job', 'immediate'])
  })

  it('yields to the event loop after at most 1000 jobs, however long the chain is', async () => {
    const turns = new TurnQueue()
    const done: number[] = []
    const chain = (): void => {
      done.push(done.length)
      if (done.length < 2500) turns.add(chain)
    }
    turns.add(chain)
    let before = 0
    while (before < 2500) {
      await new Promise((resolve) => setImmediate(resolve))
      expect(done.length - before).toBeLessThanOrEqual(1000)
      before = done.length
    }
  })

  it('yields to the event loop after a few jobs that take long', async () => {
    const turns = new TurnQueue()
    let done = 0
    for (let job = 0; job < 5; job++) {
      turns.add(() => {
        const end = performance.now() + 11
        while (performance.now() < end);
        done++
      })
    }
    await new Promise((resolve) => setImmediate(resolve))
    expect(done).toBeLessThan(5)
    await turns.drained()
    expect(done).toBe(5)
  })

  it('keeps the order over its turns', async () => {
    const turns = new TurnQueue()
    const done: number[] = []
    for (let job = 0; job < 3000; job++) turns.add(() => done.push(job))
    await new Promise((resolve) => setImmediate(resolve))
    turns.add(() => done.push(3000))
    await turns.drained()
    expect(done).toEqual(Array.from({ length: 3001 }, (_, job) => job))
  })

  it('accepts 100,000 jobs, rejects the next, and accepts jobs again when they are done', async () => {
    const turns = new TurnQueue()
    let done = 0
    const job = (): void => void done++
    let added = 0
    while (turns.add(job)) added++
    expect(added).toBe(MAX_WAITING_SENDS)
    await turns.drained()
    expect(done).toBe(100_000)
    expect(turns.add(job)).toBe(true)
    await turns.drained()
    expect(done).toBe(100_001)
  })

  it('runs the others when a job throws an uncaught error', async () => {
    const turns = new TurnQueue()
    const error = new Error('thrown')
    const done: string[] = []
    const uncaught = await uncaughtDuring(async () => {
      turns.add(() => done.push('before'))
      turns.add(() => {
        throw error
      })
      turns.add(() => done.push('after'))
      await turns.drained()
    })
    turns.add(() => done.push('later'))
    await turns.drained()
    expect(done).toEqual(['before', 'after', 'later'])
    expect(uncaught).toEqual([error])
  })
})
