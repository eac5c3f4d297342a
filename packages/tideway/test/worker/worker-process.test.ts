import { RedisChannelLayer, RedisPubSubChannelLayer } from '@tideway/redis'
import { Redis } from 'ioredis'
import type { ChannelLayer } from 'tideway'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { describeWith, programPath } from '../../../../test/setup/describe-with.ts'
import { startProgram, type RunningProgram } from '../../../../test/setup/child-process.ts'
import { freePort } from '../../../../test/setup/free-port.ts'
import { fixture, kill, killRounds, listReaches, numbersOf, runTideway, startWorker } from './processes.ts'

const application = fixture('jobs/application.ts')

describe('tideway worker', () => {
  it('prints its help', async () => {
    const [output, code] = await runTideway(['worker', '--help'])
    expect(code).toBe(0)
    expect(output).toContain('Usage: tideway worker [options] [file] [channels...]')
    expect(output).toContain('at most once each')
    expect(output).toContain('--concurrency <number>')
  })

  it('refuses a layer in memory, with advice', async () => {
    const [output, code] = await runTideway(['worker', application, 'jobs'], { TEST_LAYER: 'memory' })
    expect(code).toBe(1)
    expect(output).toContain('tideway: The channel layer "default" works in one process only')
    expect(output).toContain('Use a Redis layer of @tideway/redis in both')
  })

  it('refuses missing work, an unknown layer and an invalid count', async () => {
    const [nothing, unknown, count] = await Promise.all([
      runTideway(['worker', application], { TEST_LAYER: 'memory' }),
      runTideway(['worker', application, 'jobs', '--layer', 'other'], { TEST_LAYER: 'memory' }),
      runTideway(['worker', application, 'jobs', '--concurrency', '0']),
    ])
    expect(nothing).toEqual([expect.stringContaining('There is nothing to do'), 1])
    expect(unknown).toEqual([expect.stringContaining('no channel layer "other" for jobs; it has default'), 1])
    expect(count).toEqual([expect.stringContaining('Must be a whole number from 1 to 10000.'), 1])
  })

  it('reports a Redis that cannot be reached', async () => {
    const url = `redis://127.0.0.1:${await freePort()}`
    const [output, code] = await runTideway(['worker', application, 'jobs'], { TEST_REDIS_URL: url })
    expect(code).toBe(1)
    expect(output).toMatch(/^tideway: Redis at .* cannot be reached/m)
  })
})

describeWith(['redis'], 'worker processes over Redis', () => {
  let server: RunningProgram
  let redis: Redis
  let url: string
  const running = new Set<RunningProgram>()

  beforeAll(async () => {
    const port = await freePort()
    const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no']
    server = await startProgram(programPath('redis'), args, { ready: /Ready to accept connections/ })
    url = `redis://127.0.0.1:${port}`
    redis = new Redis(url)
  })

  afterAll(async () => {
    redis.disconnect()
    await server.stop()
  })

  beforeEach(async () => {
    await redis.flushall()
  })

  afterEach(async () => {
    await Promise.all([...running].map((program) => program.stop()))
    running.clear()
  })

  async function start(layer: string, ...args: string[]): Promise<RunningProgram> {
    const program = await startWorker([application, ...args], { TEST_REDIS_URL: url, TEST_LAYER: layer })
    running.add(program)
    return program
  }

  const makeLayer = (name: string): ChannelLayer => {
    const options = { hosts: [url], capacity: 10_000 }
    return name === 'core' ? new RedisChannelLayer(options) : new RedisPubSubChannelLayer(options)
  }

  describe.each(['pubsub', 'core'])('on the %s layer', (name) => {
    it(
      'do each job at most once, and lose no more than those at work, while they are killed again and again',
      { timeout: 120_000 },
      async () => {
        const layer = makeLayer(name)
        const concurrency = 4
        const workers = [await start(name, 'jobs', '--concurrency', String(concurrency))]
        workers.push(await start(name, 'jobs', '--concurrency', String(concurrency)))
        for (const jobs of killRounds) {
          const begun = await redis.llen('begun:jobs')
          for (const id of jobs) await layer.send('jobs', { type: 'job', id, takesMs: 50 })
          await listReaches(redis, 'begun:jobs', begun + jobs.length / 4)
          const victim = workers.shift()!
          await kill(victim)
          running.delete(victim)
          workers.push(await start(name, 'jobs', '--concurrency', String(concurrency)))
        }
        const ids = killRounds.flat()
        const last = ids.length
        // Taken in their order: what came before the last one has been taken when that begins.
        await layer.send('jobs', { type: 'job', id: last, takesMs: 0 })
        await expect.poll(async () => await numbersOf(redis, 'begun:jobs'), { timeout: 60_000 }).toContain(last)
        await Promise.all(workers.map((worker) => worker.stop()))
        const begun = await numbersOf(redis, 'begun:jobs')
        const done = await numbersOf(redis, 'done:jobs')
        expect(new Set(begun).size).toBe(begun.length)
        expect(new Set(done).size).toBe(done.length)
        const lost = ids.filter((id) => !done.includes(id))
        expect(lost.length).toBeLessThanOrEqual(killRounds.length * concurrency)
        await layer.close()
      },
    )
  })

  it('finish running jobs at SIGTERM, and leave the rest to others', async () => {
    const layer = makeLayer('pubsub')
    const worker = await start('pubsub', 'jobs')
    for (const id of [1, 2]) await layer.send('jobs', { type: 'job', id, takesMs: 300 })
    await listReaches(redis, 'begun:jobs', 1)
    expect(await worker.stop()).toEqual({ code: 0, signal: null })
    expect(worker.output()).toContain('Finishing jobs…')
    expect(await numbersOf(redis, 'done:jobs')).toEqual([1])
    await start('pubsub', 'jobs')
    await listReaches(redis, 'done:jobs', 2)
    await layer.close()
  })

  it('run startup and shutdown of the application, and pass its state to jobs', async () => {
    const layer = makeLayer('pubsub')
    const worker = await start('pubsub', 'jobs')
    await layer.send('jobs', { type: 'tell.state' })
    await expect.poll(worker.output).toContain('state {"begun":"yes"}')
    expect(await worker.stop()).toEqual({ code: 0, signal: null })
    expect(worker.output()).toContain('shutdown, begun: yes')
    await layer.close()
  })

  it('report a failed job and continue, but end if the application has no route for a channel', async () => {
    const layer = makeLayer('pubsub')
    const worker = await start('pubsub', 'jobs', 'unknown')
    await layer.send('jobs', { type: 'fault' })
    await layer.send('jobs', { type: 'job', id: 1, takesMs: 0 })
    await listReaches(redis, 'done:jobs', 1)
    expect(worker.output()).toContain('A job of jobs failed and is lost')
    expect(worker.output()).toContain('a fault of the job')
    await layer.send('unknown', { type: 'job', id: 1 })
    expect(await worker.exited).toEqual({ code: 1, signal: null })
    expect(worker.output()).toContain('tideway: No application for the channel "unknown"')
    await layer.close()
  })
})
