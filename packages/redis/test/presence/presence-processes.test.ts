import { setTimeout as delay } from 'node:timers/promises'

import { afterEach, beforeEach, expect, it } from 'vitest'

import { presenceLogOf } from 'tideway/layer/kit'

import { startProgram, type RunningProgram } from '../../../../test/setup/child-process.ts'
import { describeWith } from '../../../../test/setup/describe-with.ts'
import { compileProgram } from '../../../../test/setup/compiled.ts'
import { patiently } from '../../../../test/setup/patiently.ts'
import { logOf, type Kind, type LayerLog } from '../log/log-layers.ts'
import { RedisServer } from '../redis-server.ts'

const presence = { beatMs: 300, leaseMs: 1500, graceMs: 300 }

describeWith(['redis'], 'presence of processes on one Redis', () => {
  let server: RedisServer
  let made: LayerLog[] = []
  let programs: RunningProgram[] = []
  /** What the listeners of all layers in this process got. */
  let left: string[] = []

  beforeEach(async () => {
    server = await RedisServer.start()
    left = []
  })
  afterEach(async () => {
    await Promise.all(programs.map((program) => program.stop()))
    await Promise.all(made.map(({ layer }) => layer.close()))
    made = []
    programs = []
    await server.stop()
  })

  function open(kind: Kind = 'RedisPubSubChannelLayer'): LayerLog {
    const log = logOf(kind, { hosts: [server.url], keptGroups: { presence } })
    log.layer.keptGroups.presence!.onLeft(({ key }) => left.push(key))
    made.push(log)
    return log
  }

  async function startWith(keys: readonly string[], kind: Kind = 'RedisPubSubChannelLayer'): Promise<RunningProgram> {
    const file = compileProgram(new URL('presence-process.ts', import.meta.url))
    const args = [file, kind, server.url, JSON.stringify(presence), ...keys]
    const program = await startProgram(process.execPath, args, { ready: /entered/ })
    programs.push(program)
    return program
  }

  /** The changes of people in the log. */
  async function changes(log: LayerLog): Promise<string[]> {
    const options = { last: 10_000, maxEntries: 10_000, maxBytes: 10_000_000, headTtlMs: 1000 }
    const { entries } = await log.read(presenceLogOf('room'), options)
    return entries.flatMap(({ body }) => (body.startsWith('{"up"') ? [] : [body]))
  }

  async function present(log: LayerLog): Promise<string[]> {
    const { people: found } = await log.presence.who('room', 10_000)
    return found.map(({ key }) => key).toSorted()
  }

  /** Waits until the other processes may remove the members of a dead one. */
  const steady = (): Promise<void> => delay(presence.leaseMs + 2 * presence.beatMs)

  it('removes the people of a process that stands still, enters them when it continues, and removes them when it stops', async () => {
    const log = open('RedisChannelLayer')
    await steady()
    const frozen = await startWith(['anna', 'bo'], 'RedisChannelLayer')
    expect(await present(log)).toEqual(['anna', 'bo'])
    process.kill(frozen.pid, 'SIGSTOP')
    await patiently(async () => expect(await present(log)).toEqual([]))
    process.kill(frozen.pid, 'SIGCONT')
    await patiently(async () => expect(await present(log)).toEqual(['anna', 'bo']))
    process.kill(frozen.pid, 'SIGTERM')
    await frozen.exited
    await patiently(async () => expect(await present(log)).toEqual([]))
    expect(left.toSorted()).toEqual(['anna', 'anna', 'bo', 'bo'])
    const [anna, bo] = ['anna', 'bo'].map((key) =>
      changes(log).then((all) => all.filter((body) => body.includes(key)).map((body) => body.slice(2, 4))),
    )
    expect([await anna, await bo]).toEqual([
      ['in', 'ou', 'in', 'ou'],
      ['in', 'ou', 'in', 'ou'],
    ])
  })

  it('removes the people of killed processes when the first new one has started', async () => {
    const all = await Promise.all([startWith(['anna', 'bo']), startWith(['anna', 'cleo'])])
    for (const { pid } of all) process.kill(pid, 'SIGKILL')
    await Promise.all(all.map(({ exited }) => exited))
    const log = open()
    expect(await present(log)).toEqual(['anna', 'bo', 'cleo'])
    await patiently(async () => expect(await present(log)).toEqual([]))
    await patiently(() => expect(left.toSorted()).toEqual(['anna', 'bo', 'cleo']))
    await patiently(async () =>
      expect((await server.keys()).filter((key) => /:(members|announced|dead):/.test(key))).toHaveLength(0),
    )
  })

  it('enters the people of live processes again after Redis has lost everything, and keeps no other ones', async () => {
    const [first, second] = [open(), open()]
    const anna = await first.layer.keptGroups.presence!.enter('room', { key: 'anna', meta: null })
    const bo = await second.layer.keptGroups.presence!.enter('room', { key: 'bo', meta: null })
    const gone = await first.layer.keptGroups.presence!.enter('room', { key: 'cleo', meta: null })
    await server.crash()
    gone.leave({ isFinal: true })
    await server.run()
    await patiently(async () => expect(await present(first)).toEqual(['anna', 'bo']))
    await server.client.flushall()
    await patiently(async () => expect(await present(first)).toEqual(['anna', 'bo']))
    anna.leave({ isFinal: true })
    bo.leave({ isFinal: true })
    await patiently(async () => expect(await present(first)).toEqual([]))
  })

  it('needs as many commands at rest for 1,000 people as for one', async () => {
    const log = open()
    const commands = async (): Promise<number> => {
      await server.client.config('RESETSTAT')
      await delay(3 * presence.beatMs)
      const stats = await server.client.info('commandstats')
      return Number(/cmdstat_evalsha:calls=(\d+)/.exec(stats)?.[1] ?? 0)
    }
    await log.layer.keptGroups.presence!.enter('room', { key: 'anna', meta: null })
    const withOne = await commands()
    await Promise.all(
      Array.from({ length: 1000 }, (_, index) =>
        log.layer.keptGroups.presence!.enter('room', { key: `${index}`, meta: null }),
      ),
    )
    expect(await commands()).toBeLessThanOrEqual(Math.max(withOne, 3) + 3)
  })
})
