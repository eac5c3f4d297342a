import { InMemoryChannelLayer, type Message } from 'tideway'
import {
  closeTasks,
  defineTasks,
  runTasks,
  task,
  type AnyTask,
  type TaskContext,
  type Tasks,
  type TasksOptions,
} from 'tideway/worker'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest'
import { z } from 'zod'
import { describeWith } from '../../../../test/setup/describe-with.ts'
import { freePort } from '../../../../test/setup/free-port.ts'
import { patiently } from '../../../../test/setup/patiently.ts'
import { TaskLogger } from './task-logger.ts'
import { TaskRedis } from './task-redis.ts'

it.each([
  'redis://:SECRET/SECRET@127.0.0.1:6379',
  'redis://:SECRET#SECRET@127.0.0.1:6379',
  'redis://:SECRET%@127.0.0.1:6379',
  'redis://SECRET:12/SECRET@127.0.0.1',
])('tasks refuse the URL %s by an error that quotes nothing of it', (redis) => {
  const define = (): unknown => defineTasks({ work: () => {} }, { redis })
  const message = expect.stringMatching(
    /^redis of defineTasks is not a valid URL\. Percent-encode (?!.*SECRET)/,
  ) as string
  expect(define).toThrow(expect.objectContaining({ code: 'ERR_BAD_OPTION', message }))
})

describeWith(['redis'], 'tasks in Redis', () => {
  let redis: TaskRedis
  let logger: TaskLogger
  const open: object[] = []

  beforeAll(async () => {
    redis = await TaskRedis.start()
  })

  afterAll(async () => {
    await redis.stop()
  })

  beforeEach(async () => {
    logger = new TaskLogger()
    await redis.client.flushall()
  })

  afterEach(async () => {
    await Promise.all(open.splice(0).map((tasks) => closeTasks(tasks, 1000)))
  })

  function make<T extends Readonly<Record<string, AnyTask>>>(definitions: T, options: TasksOptions = {}): Tasks<T> {
    const tasks = defineTasks(definitions, { redis: redis.url, logger, lockMs: 1000, ...options })
    open.push(tasks)
    return tasks
  }

  it('wait until a worker runs them, from any process', async () => {
    const run = vi.fn<(input: { id: number }, context: TaskContext) => void>()
    const elsewhere = make({ resize: (_input: { id: number }) => {} })
    const ids = [await elsewhere.resize.enqueue({ id: 1 }), await elsewhere.resize.enqueue({ id: 2 })]
    await closeTasks(elsewhere)
    const tasks = make({ resize: run })
    const work = await runTasks(tasks)
    await patiently(() => expect(run).toHaveBeenCalledTimes(2))
    expect(run.mock.calls.map(([input]) => input)).toEqual([{ id: 1 }, { id: 2 }])
    expect(run.mock.calls.map(([, { id, name, attempt }]) => [id, name, attempt])).toEqual(
      ids.map(({ id }) => [id, 'resize', 1]),
    )
    await work.stop()
    await work.ended
  })

  it('run only in a worker that has the task', async () => {
    const old = vi.fn<() => void>()
    const recent = vi.fn<() => void>()
    await runTasks(make({ known: old }))
    const tasks = make({ known: old, added: recent })
    await tasks.added.enqueue()
    await tasks.known.enqueue()
    await patiently(() => expect(old).toHaveBeenCalledTimes(1))
    expect(recent).not.toHaveBeenCalled()
    await runTasks(tasks)
    await patiently(() => expect(recent).toHaveBeenCalledTimes(1))
  })

  it('send progress and result to a group, and a failure to a channel', async () => {
    const layer = new InMemoryChannelLayer()
    const tasks = make(
      {
        work: async (input: number, task) => {
          await task.progress(0.5)
          if (input < 0) throw Object.assign(new RangeError('below zero'), { expose: true })
          return { doubled: input * 2 }
        },
      },
      { channelLayer: layer },
    )
    await runTasks(tasks)
    await layer.groupAdd('room', 'member')
    const { id } = await tasks.work.enqueue(4, { notify: { group: 'room' } })
    const next = (): Promise<Message> => layer.receive('member')
    expect(await next()).toEqual({ type: 'task.progress', task: 'work', id, progress: 0.5 })
    expect(await next()).toEqual({ type: 'task.done', task: 'work', id, result: { doubled: 8 } })
    await tasks.work.enqueue(-1, { notify: { channel: 'asker' } })
    expect(await layer.receive('asker')).toMatchObject({ type: 'task.progress' })
    expect(await layer.receive('asker')).toMatchObject({
      type: 'task.failed',
      error: { name: 'RangeError', message: 'below zero' },
    })
    await layer.close()
  })

  it('join an unfinished job of the same name, and start another after its end or failure', async () => {
    const ends: ((error?: Error) => void)[] = []
    const tasks = make({
      report: () =>
        new Promise<void>((resolve, reject) => {
          ends.push((error) => (error === undefined ? resolve() : reject(error)))
        }),
    })
    await runTasks(tasks)
    for (const [round, outcome] of [undefined, new Error('failed'), undefined].entries()) {
      await patiently(async () => {
        expect(await tasks.report.enqueue(undefined, { jobId: 'room-1' })).toEqual({ id: 'room-1' })
        expect(ends).toHaveLength(round + 1)
      })
      await Promise.all([1, 2, 3].map(() => tasks.report.enqueue(undefined, { jobId: 'room-1' })))
      expect(ends).toHaveLength(round + 1)
      ends[round]!(outcome)
    }
  })

  it('run again up to their attempts, after their delay, and by priority', async () => {
    const runs: unknown[] = []
    const tasks = make({
      work: {
        attempts: 2,
        backoff: { type: 'fixed', delayMs: 10 },
        run: (input: string, { attempt }) => {
          runs.push([input, attempt])
          if (input === 'flaky' && attempt === 1) throw new Error('once')
        },
      },
    })
    await tasks.work.enqueue('delayed', { delayMs: 1500 })
    await tasks.work.enqueue('low', { priority: 2 })
    await tasks.work.enqueue('high', { priority: 1 })
    await tasks.work.enqueue('first')
    await runTasks(tasks)
    await patiently(() => expect(runs).toHaveLength(4))
    expect(runs).toEqual([
      ['first', 1],
      ['high', 1],
      ['low', 1],
      ['delayed', 1],
    ])
    await tasks.work.enqueue('flaky')
    await patiently(() =>
      expect(runs.slice(4)).toEqual([
        ['flaky', 1],
        ['flaky', 2],
      ]),
    )
    expect(logger.of('warn')).toContain('The task work failed, retrying')
    expect(logger.of('error')).toEqual([])
  })

  it('run on a schedule until unschedule()', async () => {
    const run = vi.fn<(input: string) => void>()
    const tasks = make({ tick: (input: string) => run(input) })
    await runTasks(tasks)
    expect(await tasks.tick.enqueue('often', { repeat: { everyMs: 50 } })).toEqual({ id: 'tick' })
    await patiently(() => expect(run.mock.calls.length).toBeGreaterThan(2))
    expect(await tasks.tick.unschedule()).toBe(true)
    expect(await tasks.tick.unschedule()).toBe(false)
    await tasks.tick.enqueue('cron', { repeat: { pattern: '* * * * * *' }, jobId: 'each-second' })
    await patiently(() => expect(run).toHaveBeenCalledWith('cron'))
    await expect(tasks.tick.enqueue('x', { repeat: { pattern: 'now and then' } })).rejects.toThrow(
      expect.objectContaining({ code: 'ERR_BAD_OPTION' }),
    )
  })

  it('reject a job above the bound', async () => {
    const tasks = make({ work: () => {} }, { maxWaiting: 3 })
    for (let i = 0; i < 3; i++) await tasks.work.enqueue()
    await expect(tasks.work.enqueue()).rejects.toThrow(
      expect.objectContaining({
        code: 'ERR_TASK_QUEUE_FULL',
        message: expect.stringMatching(/^The queue of the task work is full with 3 jobs/) as string,
      }),
    )
    await runTasks(tasks)
    await patiently(async () => expect(await tasks.work.enqueue()).toHaveProperty('id'))
  })

  it('fail at once for an invalid input of another version of the program', async () => {
    const before = make({ resize: (_input: { width: string }) => {} })
    await before.resize.enqueue({ width: 'wide' })
    const run = vi.fn<() => void>()
    const tasks = make({ resize: task({ attempts: 5, input: z.object({ width: z.number() }), run }) })
    await runTasks(tasks)
    await patiently(() => expect(logger.of('error')).toEqual(['The last attempt of the task resize failed']))
    expect(logger.lines.find(({ level }) => level === 'error')!.details).toMatchObject({
      err: { code: 'ERR_BAD_TASK_INPUT', message: expect.stringMatching(/resize is refused: width: /) as string },
    })
    expect(run).not.toHaveBeenCalled()
  })

  it('reject enqueue and runTasks without Redis, and queue nothing later', async () => {
    const port = await freePort()
    const tasks = make({ work: () => {} }, { redis: `redis://127.0.0.1:${port}`, timeoutMs: 300 })
    const unavailable = expect.objectContaining({ code: 'ERR_TASKS_UNAVAILABLE' }) as Error
    await expect(tasks.work.enqueue()).rejects.toThrow(unavailable)
    await expect(runTasks(tasks)).rejects.toThrow(unavailable)
  })

  it('reject while Redis is gone, and lose no queued or running job', async () => {
    const done: number[] = []
    const tasks = make(
      {
        work: {
          concurrency: 2,
          run: async (id: number) => {
            await new Promise((resolve) => setTimeout(resolve, 100))
            done.push(id)
          },
        },
      },
      { timeoutMs: 1000 },
    )
    await runTasks(tasks)
    for (let id = 0; id < 10; id++) await tasks.work.enqueue(id)
    await patiently(() => expect(done.length).toBeGreaterThan(2))
    await redis.crash()
    await expect(tasks.work.enqueue(99)).rejects.toThrow(expect.objectContaining({ code: 'ERR_TASKS_UNAVAILABLE' }))
    await redis.run()
    await patiently(() => expect(new Set(done).size).toBe(10))
    await patiently(async () => expect(await tasks.work.enqueue(10)).toHaveProperty('id'))
    await patiently(() => expect(done).toContain(10))
    expect(done).not.toContain(99)
  })

  it('finish running jobs at stop, or abort their signal after the time limit', async () => {
    const begun: number[] = []
    const done: number[] = []
    const tasks = make({
      work: async (takesMs: number, { signal }) => {
        begun.push(takesMs)
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, takesMs)
          signal.addEventListener('abort', () => {
            clearTimeout(timer)
            resolve()
          })
        })
        done.push(signal.aborted ? -1 : takesMs)
      },
    })
    const work = await runTasks(tasks)
    await tasks.work.enqueue(200)
    await patiently(() => expect(begun).toEqual([200]))
    await work.stop()
    expect(done).toEqual([200])
    const again = await runTasks(tasks)
    await tasks.work.enqueue(60_000)
    await patiently(() => expect(begun).toHaveLength(2))
    await again.stop(10)
    await patiently(() => expect(done).toEqual([200, -1]))
    expect(logger.of('error')).toEqual(['Tasks still ran 10 ms after the stop: another worker runs them again'])
  })
})
