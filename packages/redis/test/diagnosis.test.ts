import { expect, it, onTestFinished } from 'vitest'

import { describeWith } from '../../../test/setup/describe-with.ts'
import { freePort } from '../../../test/setup/free-port.ts'
import { RedisChannelLayer, RedisPubSubChannelLayer } from '../src/index.ts'
import { RedisServer } from './redis-server.ts'

async function redisWith(...args: string[]): Promise<RedisServer> {
  const server = await RedisServer.start(...args)
  onTestFinished(() => server.stop())
  return server
}

async function levels(layer: RedisChannelLayer | RedisPubSubChannelLayer): Promise<Record<string, string>> {
  onTestFinished(() => layer.close())
  return Object.fromEntries((await layer.diagnose()).map(({ check, level }) => [check, level]))
}

describeWith(['redis'], 'diagnose() of a Redis layer', () => {
  it('finds no problem in a default Redis', async () => {
    const { url } = await redisWith()
    expect(await levels(new RedisPubSubChannelLayer({ hosts: [url] }))).toEqual({
      'redis-reachable': 'ok',
      'redis-version': 'ok',
      'redis-eviction': 'ok',
      'redis-clock': 'ok',
    })
  })

  it('reports eviction as a warning for pub/sub and as a problem for the core layer', async () => {
    const { url } = await redisWith('--maxmemory', '100mb', '--maxmemory-policy', 'allkeys-lru')
    expect(await levels(new RedisPubSubChannelLayer({ hosts: [url] }))).toMatchObject({ 'redis-eviction': 'warning' })
    const core = new RedisChannelLayer({ hosts: [url] })
    expect(await levels(core)).toMatchObject({ 'redis-eviction': 'problem' })
    const [eviction] = (await core.diagnose()).filter(({ check }) => check === 'redis-eviction')
    expect(eviction).toEqual({
      check: 'redis-eviction',
      level: 'problem',
      found: `Redis at ${url} drops keys when its memory is full (allkeys-lru), and so groups, messages that wait and the logs of kept groups.`,
      advice: 'Set "maxmemory-policy noeviction", or give the layer a Redis of its own.',
    })
  })

  it('warns of an eviction policy without maxmemory', async () => {
    const { url } = await redisWith('--maxmemory-policy', 'volatile-ttl')
    expect(await levels(new RedisChannelLayer({ hosts: [url] }))).toMatchObject({ 'redis-eviction': 'warning' })
  })

  it('names the unreachable one of several hosts, and the version of the other', async () => {
    const { url } = await redisWith()
    const gone = `redis://127.0.0.1:${await freePort()}`
    const layer = new RedisPubSubChannelLayer({ hosts: [url, gone] })
    onTestFinished(() => layer.close())
    const found = await layer.diagnose()
    expect(found).toContainEqual({ check: 'redis-reachable', level: 'ok', found: `Redis at ${url} answers.` })
    expect(found).toContainEqual(
      expect.objectContaining({ check: 'redis-reachable', level: 'problem', found: expect.stringContaining(gone) }),
    )
  })

  it('reports a missing or wrong password', async () => {
    const { url, port } = await redisWith('--requirepass', 'open sesame')
    for (const host of [url, `redis://:wrong@127.0.0.1:${port}`]) {
      const layer = new RedisPubSubChannelLayer({ hosts: [host] })
      onTestFinished(() => layer.close())
      expect(await layer.diagnose()).toEqual([
        expect.objectContaining({
          level: 'problem',
          found: `Redis at ${url} refuses the user name or password: check hosts.`,
        }),
      ])
    }
  })

  it('omits findings whose commands Redis forbids, and warns that kept groups need INFO', async () => {
    const server = await redisWith()
    await server.client.call('ACL', 'SETUSER', 'layer', 'on', '>secret', '~*', '&*', '+@all', '-info', '-time')
    const layer = new RedisPubSubChannelLayer({ hosts: [`redis://layer:secret@127.0.0.1:${server.port}`] })
    expect(await levels(layer)).toEqual({ 'redis-reachable': 'ok', 'redis-info': 'warning' })
  })

  it('warns of an output buffer for subscribers under 32 MiB', async () => {
    const limit = (bytes: number): string => `pubsub ${bytes} 1048576 60`
    const { url, client } = await redisWith('--client-output-buffer-limit', limit(33_554_431))
    const layer = new RedisPubSubChannelLayer({ hosts: [url] })
    expect(await levels(layer)).toMatchObject({ 'redis-output-buffer': 'warning' })
    for (const enough of [33_554_432, 0]) {
      await client.config('SET', 'client-output-buffer-limit', limit(enough))
      expect((await layer.diagnose()).map(({ check }) => check)).not.toContain('redis-output-buffer')
    }
  })
})
