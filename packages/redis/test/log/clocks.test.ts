import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'

import { startProgram } from '../../../../test/setup/child-process.ts'
import { describeWith } from '../../../../test/setup/describe-with.ts'
import { compileProgram } from '../../../../test/setup/compiled.ts'
import { RedisPubSubChannelLayer } from '../../src/index.ts'
import { RedisServer } from '../redis-server.ts'

const options = { symmetricEncryptionKeys: ['a key of more than thirty-two bytes, for tests'] }

describeWith(['redis'], 'kept groups of processes whose clocks differ', () => {
  let server: RedisServer

  beforeAll(async () => {
    server = await RedisServer.start()
  })
  afterAll(() => server.stop())

  /** Returns what the process has read. */
  async function runAt(hours: string): Promise<unknown> {
    const file = compileProgram(new URL('clock-process.ts', import.meta.url))
    const args = [file, server.url, hours, JSON.stringify(options)]
    const program = await startProgram(process.execPath, args, { ready: /^read (\[.+\])$/m })
    onTestFinished(async () => void (await program.stop()))
    return JSON.parse(program.readyMatch![1]!)
  }

  it('have the events, ids, values and people of all, by the clock of Redis', async () => {
    expect(await runAt('1')).toEqual([false, ['once', '1']])
    expect(await runAt('-1')).toEqual([true, ['once', '1', '-1']])
    const layer = new RedisPubSubChannelLayer({ hosts: [server.url], ...options })
    onTestFinished(() => layer.close())
    const bodies: string[] = []
    const follower = { onEntry: ({ body }: { body: string }) => void bodies.push(body), onVolatile() {}, onReset() {} }
    const { top } = await layer.keptGroups.history('room')
    const { cursor, recovered } = await layer.keptGroups.follow('room', follower, { since: { ...top, offset: 0 } })
    cursor.start()
    expect([recovered, bodies]).toEqual([true, ['"once"', '"1"', '"-1"']])
    const { entries, nextExpiryMs } = await layer.keptGroups.values('values')
    expect(entries.map(({ body }) => (JSON.parse(body) as { d: unknown }).d)).toEqual(['1', '-1'])
    expect(Math.ceil(nextExpiryMs! / 600_000)).toBe(1)
    const leases = await server.client.zrange('asgi:tideway:lease:{presence}', '0', '-1', 'WITHSCORES')
    const [seconds] = await server.client.time()
    const hours = leases
      .filter((_, index) => index % 2 === 1)
      .map((end) => (Number(end) / 1000 - Number(seconds)) / 3600)
    expect(hours.map((left) => Math.abs(Math.round(left)))).toEqual([0, 0])
  })
})
