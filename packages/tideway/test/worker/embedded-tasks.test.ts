import { Consumer, InMemoryChannelLayer, type Handlers, type Message } from 'tideway'
import {
  closeTasks,
  defineTasks,
  runTasks,
  type AnyTask,
  type EnqueueOptions,
  type TaskEvents,
  type Tasks,
  type TasksOptions,
} from 'tideway/worker'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { TaskLogger } from './task-logger.ts'
import { patiently } from '../../../../test/setup/patiently.ts'

let logger: TaskLogger
const open: object[] = []

beforeEach(() => {
  logger = new TaskLogger()
})

afterEach(async () => {
  await Promise.all(open.splice(0).map((tasks) => closeTasks(tasks, 1000)))
})

function make<T extends Readonly<Record<string, AnyTask>>>(definitions: T, options: TasksOptions = {}): Tasks<T> {
  const tasks = defineTasks(definitions, { logger, ...options })
  open.push(tasks)
  return tasks
}

/** A task whose jobs wait until they are told to end. */
function makeGate() {
  const begun: unknown[] = []
  const ends: (() => void)[] = []
  const run = async (input: unknown): Promise<void> => {
    begun.push(input)
    await new Promise<void>((resolve) => ends.push(resolve))
  }
  return { begun, run, endNext: () => ends.shift()!() }
}

describe('tasks without Redis', () => {
  it('run in this process after enqueue has resolved, and log once that they are not durable', async () => {
    const order: string[] = []
    const tasks = make({ note: () => void order.push('run') })
    expect(logger.lines).toEqual([])
    const { id } = await tasks.note.enqueue()
    order.push('enqueued')
    await tasks.note.enqueue()
    await patiently(() => expect(order).toHaveLength(3))
    expect(order[0]).toBe('enqueued')
    expect(id).toBe('1')
    expect(logger.of('warn')).toEqual([
      'Tasks have no Redis: they run in this process, and unfinished jobs are lost when it ends',
    ])
  })

  it('run up to the concurrency of the task, in order, jobs with a priority last', async () => {
    const gate = makeGate()
    const tasks = make({ work: { concurrency: 2, run: gate.run } })
    await tasks.work.enqueue('a')
    await tasks.work.enqueue('b')
    await tasks.work.enqueue('late', { priority: 9 })
    await tasks.work.enqueue('soon', { priority: 1 })
    await tasks.work.enqueue('c')
    await patiently(() => expect(gate.begun).toEqual(['a', 'b']))
    for (let i = 0; i < 5; i++) {
      await patiently(() => expect(gate.begun.length).toBe(Math.min(i + 2, 5)))
      gate.endNext()
    }
    expect(gate.begun).toEqual(['a', 'b', 'c', 'soon', 'late'])
  })

  it('reject a job above the bound, and accept more when there is room', async () => {
    const gate = makeGate()
    const tasks = make({ work: gate.run }, { maxWaiting: 2 })
    await tasks.work.enqueue(0)
    await patiently(() => expect(gate.begun).toEqual([0]))
    await tasks.work.enqueue(1)
    await tasks.work.enqueue(2, { delayMs: 1 })
    await expect(tasks.work.enqueue(3)).rejects.toThrow(
      expect.objectContaining({
        code: 'ERR_TASK_QUEUE_FULL',
        message: expect.stringMatching(/^The queue of the task work is full with 2 jobs/) as string,
      }),
    )
    gate.endNext()
    await patiently(() => expect(gate.begun).toEqual([0, 1]))
    await tasks.work.enqueue(3)
    gate.endNext()
    await patiently(() => expect(gate.begun).toHaveLength(3))
    gate.endNext()
    await patiently(() => expect(gate.begun).toHaveLength(4))
    gate.endNext()
  })

  it('join an unfinished job of the same name, and start another afterwards', async () => {
    const gate = makeGate()
    const tasks = make({ report: gate.run })
    expect(await tasks.report.enqueue('first', { jobId: 'room-1' })).toEqual({ id: 'room-1' })
    expect(await tasks.report.enqueue('joins', { jobId: 'room-1' })).toEqual({ id: 'room-1' })
    await patiently(() => expect(gate.begun).toEqual(['first']))
    gate.endNext()
    await patiently(async () => {
      await tasks.report.enqueue('next', { jobId: 'room-1' })
      expect(gate.begun).toEqual(['first', 'next'])
    })
    gate.endNext()
  })

  it('run again up to their attempts, with back-off, and report one failure', async () => {
    const attempts: number[] = []
    const tasks = make({
      flaky: {
        attempts: 3,
        backoff: { type: 'exponential', delayMs: 1 },
        run: (succeedAt: number, task) => {
          attempts.push(task.attempt)
          if (task.attempt < succeedAt) throw new Error(`attempt ${task.attempt}`)
        },
      },
    })
    await tasks.flaky.enqueue(3)
    await patiently(() => expect(attempts).toEqual([1, 2, 3]))
    await tasks.flaky.enqueue(9)
    await patiently(() => expect(logger.of('error')).toEqual(['The last attempt of the task flaky failed']))
    expect(attempts).toEqual([1, 2, 3, 1, 2, 3])
    await tasks.flaky.enqueue(9, { attempts: 1 })
    await patiently(() => expect(logger.of('error')).toHaveLength(2))
    expect(attempts).toHaveLength(7)
  })

  it('run on a schedule up to its limit, until unschedule()', async () => {
    const run = vi.fn<(input: string) => void>()
    const tasks = make({ tick: (input: string) => run(input) })
    expect(await tasks.tick.enqueue('limited', { repeat: { everyMs: 1, limit: 3 } })).toEqual({ id: 'tick' })
    await patiently(() => expect(run).toHaveBeenCalledTimes(3))
    expect(await tasks.tick.unschedule()).toBe(false)
    await tasks.tick.enqueue('cron', { repeat: { pattern: '* * * * * *' }, jobId: 'each-second' })
    await patiently(() => expect(run).toHaveBeenCalledWith('cron'))
    expect(await tasks.tick.unschedule('each-second')).toBe(true)
    await expect(tasks.tick.enqueue('x', { repeat: { pattern: 'now and then' } })).rejects.toThrow(
      'is not a cron pattern',
    )
    const inNowhere = tasks.tick.enqueue('x', { repeat: { pattern: '0 3 * * *', tz: 'Nowhere/City' } })
    await expect(inNowhere).rejects.toThrow('repeat.tz "Nowhere/City" is not a time zone')
  })

  it('start no more jobs than their rate limit', async () => {
    const begun: number[] = []
    const tasks = make({
      work: { concurrency: 10, rateLimit: { max: 2, durationMs: 300 }, run: () => void begun.push(performance.now()) },
    })
    for (let i = 0; i < 5; i++) await tasks.work.enqueue(i)
    await patiently(() => expect(begun).toHaveLength(5))
    // Timers may be early by a millisecond.
    expect(begun[2]! - begun[0]!).toBeGreaterThanOrEqual(298)
    expect(begun[4]! - begun[2]!).toBeGreaterThanOrEqual(298)
  })

  it('finish running jobs at close, and log lost ones', async () => {
    const gate = makeGate()
    const tasks = make({ work: gate.run })
    const work = await runTasks(tasks)
    await tasks.work.enqueue(1)
    await tasks.work.enqueue(2)
    await patiently(() => expect(gate.begun).toEqual([1]))
    const stopped = work.stop()
    gate.endNext()
    await stopped
    await work.ended
    expect(logger.of('warn').at(-1)).toBe('1 jobs of tasks are lost: they are not in Redis')
  })

  it('abort the signal of a job that does not end in time', async () => {
    const reasons: unknown[] = []
    const tasks = make({
      endless: (_input: unknown, { signal }) =>
        new Promise<void>((resolve) => {
          signal.addEventListener('abort', () => {
            reasons.push('told')
            resolve()
          })
        }),
    })
    await tasks.endless.enqueue(1)
    await new Promise((resolve) => setImmediate(resolve))
    await closeTasks(tasks, 1)
    expect(reasons).toEqual(['told'])
    await expect(tasks.endless.enqueue(2)).rejects.toThrow(expect.objectContaining({ code: 'ERR_TASKS_CLOSED' }))
  })
})

describe('the recipient of a task', () => {
  it('receives progress and result, as a group and as a consumer, without polling', async () => {
    const layer = new InMemoryChannelLayer()
    const tasks = make(
      {
        count: async (to: number, task) => {
          for (let i = 1; i <= to; i++) await task.progress(i / to)
          return { to }
        },
      },
      { channelLayer: layer },
    )
    const told: Message[] = []
    class AskingConsumer extends Consumer implements Handlers<TaskEvents> {
      async onAsk() {
        await tasks.count.enqueue(2, { notify: { channel: this.channelName } })
      }
      onTaskProgress(event: TaskEvents['task.progress'] & Message) {
        told.push(event)
      }
      onTaskDone(event: TaskEvents['task.done'] & Message) {
        told.push(event)
      }
      onTaskFailed() {}
    }
    let end!: () => void
    const events = [{ type: 'ask' }]
    const run = AskingConsumer.asApplication()(
      {
        type: 'channel',
        channel: 'asks',
        asgi: { version: '3.0', specVersion: '2.5' },
        channelLayers: { default: layer },
      } as never,
      () =>
        events.shift() ??
        new Promise((_, reject) => {
          end = () => reject(new Error('the end of the test'))
        }),
      () => {},
    )
    await layer.groupAdd('room', 'member')
    await tasks.count.enqueue(1, { notify: { group: 'room' } })
    expect(await layer.receive('member')).toMatchObject({ type: 'task.progress', task: 'count', progress: 1 })
    expect(await layer.receive('member')).toMatchObject({ type: 'task.done', task: 'count', result: { to: 1 } })
    await patiently(() => expect(told).toHaveLength(3))
    expect(told.map(({ type, progress, result }) => [type, progress ?? result])).toEqual([
      ['task.progress', 0.5],
      ['task.progress', 1],
      ['task.done', { to: 2 }],
    ])
    end()
    await expect(run).rejects.toThrow('the end of the test')
    await layer.close()
  })

  it('receives the failure', async () => {
    const layer = new InMemoryChannelLayer()
    const tasks = make(
      {
        fail: () => {
          throw new RangeError('out of range')
        },
      },
      { channelLayer: layer },
    )
    const { id } = await tasks.fail.enqueue(undefined, { notify: { channel: 'asker' } })
    expect(await layer.receive('asker')).toEqual({
      type: 'task.failed',
      task: 'fail',
      id,
      error: { name: 'Error', message: 'The task failed.' },
    })
    await layer.close()
  })

  it('receives the message of an error with expose', async () => {
    const layer = new InMemoryChannelLayer()
    const tasks = make(
      {
        fail: () => {
          throw Object.assign(new RangeError('The room is empty.'), { expose: true })
        },
      },
      { channelLayer: layer },
    )
    await tasks.fail.enqueue(undefined, { notify: { channel: 'asker' } })
    expect(await layer.receive('asker')).toMatchObject({ error: { name: 'RangeError', message: 'The room is empty.' } })
    await layer.close()
  })

  it('does not fail the task if a message cannot be sent', async () => {
    const layer = new InMemoryChannelLayer()
    const done = vi.fn<() => void>()
    const tasks = make(
      {
        work: async (_input: unknown, task) => {
          await task.progress(new Date(0))
          done()
          return () => {}
        },
      },
      { channelLayer: layer },
    )
    await tasks.work.enqueue(1, { notify: { group: 'room' } })
    await patiently(() => expect(done).toHaveBeenCalled())
    await patiently(() =>
      expect(logger.of('warn')).toContain('The message task.done of the task work could not be sent'),
    )
    expect(logger.of('warn')).toContain('The message task.progress of the task work could not be sent')
    expect(logger.of('error')).toEqual([])
    await layer.close()
  })
})

describe('invalid options of tasks', () => {
  it('throw at defineTasks', () => {
    const run = (): void => {}
    expect(() => make({ 'no spaces': run })).toThrow('"no spaces" is not a name for a task')
    expect(() => make({ work: { run: 'no' as unknown as () => void } })).toThrow(
      'is not a function and has no function "run"',
    )
    expect(() => make({ work: { run, concurrency: 0 } })).toThrow('concurrency of the task work')
    expect(() => make({ work: { run, attempts: 0.5 } })).toThrow('attempts of the task work')
    expect(() => make({ work: { run, backoff: { type: 'fixed', delayMs: -1 } } })).toThrow('backoff.delayMs')
    expect(() => make({ work: { run, rateLimit: { max: 0, durationMs: 1 } } })).toThrow('rateLimit.max')
    expect(() => make({ work: run }, { maxWaiting: 0 })).toThrow('maxWaiting')
  })

  it('reject at enqueue', async () => {
    const tasks = make({ work: () => {} })
    const refused: [EnqueueOptions, string][] = [
      [{ delayMs: -1 }, 'delayMs must be'],
      [{ attempts: 0 }, 'attempts must be'],
      [
        { backoff: { type: 'linear' as 'fixed', delayMs: 1 } },
        'backoff.type is "fixed" or "exponential", not "linear"',
      ],
      [{ priority: 3_000_000 }, 'priority must be'],
      [{ jobId: '42' }, 'not a plain number, not "42"'],
      [{ jobId: 'a:b' }, 'without ":"'],
      [{ repeat: { everyMs: 1, pattern: '* * * * *' } as never }, 'either "everyMs" or "pattern"'],
      [{ repeat: { everyMs: 1 }, delayMs: 1 }, 'has no delayMs'],
      [{ notify: { group: 'no spaces' } }, 'notify is { group } or { channel }'],
      [{ notify: { group: 'room' } }, 'give defineTasks a channelLayer'],
    ]
    for (const [options, message] of refused) {
      await expect(tasks.work.enqueue(undefined, options)).rejects.toThrow(message)
    }
    await expect(runTasks({})).rejects.toThrow('This is not an object of tasks')
  })
})
