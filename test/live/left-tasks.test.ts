import { setTimeout as delay } from 'node:timers/promises'
import { RedisPubSubChannelLayer } from '@tideway/redis'
import { closeTasks, defineTasks, runTasks, task } from 'tideway/worker'
import { expect, it, onTestFinished } from 'vitest'
import { z } from 'zod'
import { RedisServer } from '../../packages/redis/test/redis-server.ts'
import { startProgram } from '../setup/child-process.ts'
import { describeWith } from '../setup/describe-with.ts'
import { compileProgram } from '../setup/compiled.ts'
import { patiently } from '../setup/patiently.ts'
import { crowd } from './fixture/presence-room.ts'

const presence = { beatMs: 200, leaseMs: 1000, graceMs: 200 }

describeWith(['redis'], 'a durable task for each person who leaves', () => {
  it('runs once per person and is retried, also for those of a process that was killed while it handled them', async () => {
    const redis = await RedisServer.start()
    onTestFinished(() => redis.stop())
    const runs: [name: string, id: string, attempt: number][] = []
    const done: { readonly group: string; readonly name: string }[] = []
    const tasks = defineTasks(
      {
        left: task({
          input: z.object({ group: z.string(), name: z.string() }),
          attempts: 3,
          run: (left, { id, attempt }) => {
            runs.push([left.name, id, attempt])
            if (attempt === 1) throw new Error('The first attempt fails.')
            done.push(left)
          },
        }),
      },
      { redis: redis.url, logger: { debug() {}, info() {}, warn() {}, error() {} } },
    )
    onTestFinished(() => closeTasks(tasks, 0))
    await runTasks(tasks)

    const file = compileProgram(new URL('fixture/left-process.ts', import.meta.url))
    const args = [file, redis.url, JSON.stringify(presence), 'anna', 'bo', 'cleo']
    const dying = await startProgram(process.execPath, args, { ready: /left anna (\S+)/ })
    onTestFinished(async () => void (await dying.stop()))

    const layer = new RedisPubSubChannelLayer({ hosts: [redis.url], keptGroups: { presence } })
    onTestFinished(() => layer.close())
    const failed = new Set<string>()
    crowd.onLeft(layer, ({ key, meta: { name } }, group, id) => {
      if (failed.size === failed.add(key).size) return tasks.left.enqueue({ group, name }, { jobId: id })
      throw new Error('The first call fails.')
    })
    process.kill(dying.pid, 'SIGKILL')

    const names = ['ANNA', 'BO', 'CLEO']
    await patiently(() => expect(done.map(({ name }) => name).toSorted()).toEqual(names))
    // A second task would come with the next leases.
    await delay(2 * presence.leaseMs)
    expect(done.every(({ group }) => group === crowd('lobby').name)).toBe(true)
    expect(done).toHaveLength(names.length)
    expect(runs.map(([name, , attempt]) => `${name} ${attempt}`).toSorted()).toEqual(
      names.flatMap((name) => [`${name} 1`, `${name} 2`]),
    )
    expect(runs.find(([name]) => name === 'ANNA')![1]).toBe(dying.readyMatch![1])
    expect(await redis.client.keys('*:tideway:left:*')).toEqual([])
  })
})
