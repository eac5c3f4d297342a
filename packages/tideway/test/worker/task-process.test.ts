import { RedisPubSubChannelLayer } from '@tideway/redis'
import type { RunningProgram } from '../../../../test/setup/child-process.ts'
import { closeTasks, defineTasks } from 'tideway/worker'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { describeWith } from '../../../../test/setup/describe-with.ts'
import { fixture, kill, killRounds, listReaches, numbersOf, runTideway, startWorker } from './processes.ts'
import { TaskLogger } from './task-logger.ts'
import { TaskRedis } from './task-redis.ts'

const application = fixture('tasks/application.ts')

describe('tideway worker --tasks', () => {
  it('refuses tasks without Redis, and a file without tasks', async () => {
    const [local, none] = await Promise.all([
      runTideway(['worker', application, '--tasks'], { TEST_REDIS_URL: undefined }),
      runTideway(['worker', fixture('jobs/application.ts'), '--tasks'], { TEST_LAYER: 'memory' }),
    ])
    expect(local).toEqual([expect.stringContaining('tideway: The tasks have no Redis: they run in the process'), 1])
    expect(none).toEqual([expect.stringMatching(/tideway: .*jobs\/application\.js exports no tasks: write/), 1])
  })

  it('refuses a layer in memory for progress', async () => {
    const env = { TEST_REDIS_URL: 'redis://127.0.0.1:1', TEST_LAYER: 'memory' }
    const [output, code] = await runTideway(['worker', application, '--tasks'], env)
    expect(code).toBe(1)
    expect(output).toContain('tideway: The channel layer of the tasks works in one process only')
  })
})

describeWith(['redis'], 'worker processes of tasks', () => {
  let redis: TaskRedis
  const running = new Set<RunningProgram>()

  const definitions = {
    work: (_input: { readonly id: number; readonly takesMs: number }) => {},
    die: () => {},
  }

  beforeAll(async () => {
    redis = await TaskRedis.start()
  })

  afterAll(async () => {
    await redis.stop()
  })

  beforeEach(async () => {
    await redis.client.flushall()
  })

  afterEach(async () => {
    await Promise.all([...running].map((program) => program.stop()))
    running.clear()
  })

  async function start(env: Record<string, string> = {}): Promise<RunningProgram> {
    const program = await startWorker([application, '--tasks'], { TEST_REDIS_URL: redis.url, ...env })
    running.add(program)
    return program
  }

  it('run every job at least once while workers are killed', { timeout: 180_000 }, async () => {
    const tasks = defineTasks(definitions, { redis: redis.url, logger: new TaskLogger() })
    const workers = await Promise.all([start(), start()])
    for (const jobs of killRounds) {
      const begun = await redis.client.llen('begun')
      for (const id of jobs) await tasks.work.enqueue({ id, takesMs: 50 })
      await listReaches(redis.client, 'begun', begun + jobs.length / 4)
      const victim = workers.shift()!
      await kill(victim)
      running.delete(victim)
      workers.push(await start())
    }
    const doneOnes = async (): Promise<Set<number>> => new Set(await numbersOf(redis.client, 'done'))
    const ids = killRounds.flat()
    await expect.poll(async () => (await doneOnes()).size, { timeout: 60_000 }).toBe(ids.length)
    await Promise.all(workers.map((worker) => worker.stop()))
    expect([...(await doneOnes())].toSorted((a, b) => a - b)).toEqual(ids)
    await closeTasks(tasks)
  })

  it('send progress to a group of another process, even after the death of the first worker', async () => {
    const channelLayer = new RedisPubSubChannelLayer({ hosts: [redis.url] })
    const tasks = defineTasks(definitions, { redis: redis.url, channelLayer, logger: new TaskLogger() })
    const member = channelLayer.newChannel()
    await channelLayer.groupAdd('room', member)
    const first = await start()
    const { id } = await tasks.work.enqueue({ id: 7, takesMs: 1000 }, { notify: { group: 'room' }, jobId: 'seven' })
    const progress = { type: 'task.progress', task: 'work', id, progress: 7 }
    expect(await channelLayer.receive(member)).toEqual(progress)
    await kill(first)
    running.delete(first)
    await start()
    expect(await tasks.work.enqueue({ id: 8, takesMs: 0 }, { jobId: 'seven' })).toEqual({ id: 'seven' })
    expect(await channelLayer.receive(member)).toEqual(progress)
    expect(await channelLayer.receive(member)).toEqual({ type: 'task.done', task: 'work', id, result: 7 })
    expect(await numbersOf(redis.client, 'begun')).toEqual([7, 7])
    await closeTasks(tasks)
    await channelLayer.close()
  })

  it('fail a job that kills several workers, and log it', { timeout: 120_000 }, async () => {
    const channelLayer = new RedisPubSubChannelLayer({ hosts: [redis.url] })
    const tasks = defineTasks(definitions, { redis: redis.url, channelLayer, logger: new TaskLogger() })
    await tasks.die.enqueue(undefined, { notify: { channel: 'asker' } })
    for (let deaths = 1; deaths <= 2; deaths++) {
      const victim = await start({ TEST_MAX_DEATHS: '1' })
      expect(await victim.exited).toEqual({ code: null, signal: 'SIGKILL' })
      running.delete(victim)
    }
    const survivor = await start({ TEST_MAX_DEATHS: '1' })
    expect(await channelLayer.receive('asker')).toMatchObject({ type: 'task.failed', task: 'die' })
    expect(survivor.output()).toContain('The last attempt of the task die failed')
    expect(await redis.client.llen('deaths')).toBe(2)
    await closeTasks(tasks)
    await channelLayer.close()
  })

  it('finish running jobs at SIGTERM', async () => {
    const tasks = defineTasks(definitions, { redis: redis.url, logger: new TaskLogger() })
    const worker = await start()
    await tasks.work.enqueue({ id: 1, takesMs: 300 })
    await listReaches(redis.client, 'begun', 1)
    expect(await worker.stop()).toEqual({ code: 0, signal: null })
    expect(await numbersOf(redis.client, 'done')).toEqual([1])
    await closeTasks(tasks)
  })
})
