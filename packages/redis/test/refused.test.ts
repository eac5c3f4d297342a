import { readFile } from 'node:fs/promises'

import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'

import type { LogEntry } from 'tideway/layer'
import { TidewayError } from 'tideway/layer/kit'

import { describeWith } from '../../../test/setup/describe-with.ts'
import { patiently } from '../../../test/setup/patiently.ts'
import { RedisChannelLayer, RedisPubSubChannelLayer } from '../src/index.ts'
import { RedisServer } from './redis-server.ts'

const layers = { RedisPubSubChannelLayer, RedisChannelLayer }
type Layer = RedisPubSubChannelLayer | RedisChannelLayer

/** The reply of a rejecting Redis, how the rejection starts, and how it ends. */
const refusals = [
  ['OOM', ['CONFIG', 'SET', 'maxmemory', '1'], ['CONFIG', 'SET', 'maxmemory', '0']],
  ['NOREPLICAS', ['CONFIG', 'SET', 'min-replicas-to-write', '1'], ['CONFIG', 'SET', 'min-replicas-to-write', '0']],
  ['NOPERM', ['ACL', 'SETUSER', 'layer', '-@all', '+ping'], ['ACL', 'SETUSER', 'layer', '+@all']],
  ['READONLY', ['REPLICAOF', '127.0.0.1', '1'], ['REPLICAOF', 'NO', 'ONE']],
] as const

/** Whether the error and its cause contain the reply. */
function isAbout({ message, cause }: TidewayError, reply: string): boolean {
  return message.includes(reply) && cause instanceof Error && cause.message.includes(reply)
}

describeWith(['redis'], 'Redis layers on a Redis that rejects commands', () => {
  let server: RedisServer
  let made: Layer[] = []

  beforeAll(async () => {
    server = await RedisServer.start()
    await server.client.call('ACL', 'SETUSER', 'layer', 'on', '>secret', '~*', '&*', '+@all')
  })
  afterEach(async () => {
    await Promise.all(made.map((layer) => layer.close()))
    made = []
  })
  afterAll(() => server.stop())

  describe.each(['RedisPubSubChannelLayer', 'RedisChannelLayer'] as const)('under %s', (kind) => {
    it.each(refusals)(
      'reject calls with a TidewayError and its cause, and drop group sends, with %s',
      async (reply, [refuse, ...refuseArgs], [permit, ...permitArgs]) => {
        const isCore = kind === 'RedisChannelLayer'
        // Redis does not check its memory again in a script that has written, or for PUBLISH.
        const isRefused = isCore || reply !== 'OOM'
        // READONLY also closes the connection. Whether the pub/sub layer drops messages depends on the timing.
        const leastDropped = (isCore && reply !== 'OOM') || reply === 'NOPERM' ? 1 : 0
        const layer = new layers[kind]({
          hosts: [`redis://layer:secret@127.0.0.1:${server.port}`],
          maxReconnectDelayMs: 50,
        })
        made.push(layer)
        await layer.ready()
        const channel = layer.newChannel()
        await layer.groupAdd('room', channel)
        await server.client.call(refuse, ...refuseArgs)
        try {
          const calls = [
            layer.send('jobs', { type: 'job' }),
            layer.send(channel, { type: 'direct' }),
            layer.groupAdd('another', channel),
            layer.flush(),
          ]
          const errors = (await Promise.allSettled(calls)).flatMap((call) =>
            call.status === 'rejected' ? [call.reason as unknown] : [],
          )
          const described = { code: 'ERR_LAYER_UNAVAILABLE', cause: expect.any(Error) }
          expect(errors).toEqual(errors.map(() => expect.objectContaining(described)))
          const refused = errors.filter((error) => error instanceof TidewayError && isAbout(error, reply))
          expect(refused.length > 0).toBe(isRefused)
          await layer.groupSend('room', { type: 'grouped' })
          expect(layer.stats().dropped.unavailable).toBeGreaterThanOrEqual(leastDropped)
        } finally {
          await server.client.call(permit, ...permitArgs)
        }
        await patiently(() => layer.send('jobs', { type: 'job' }))
      },
    )
  })
})

describeWith(['redis'], 'Redis layers with the permissions of the guide', () => {
  it.each([
    ['RedisPubSubChannelLayer', 0, 'ACL SETUSER tideway on >password ~asgi* &asgi* +@all -@dangerous +info +role'],
    ['RedisPubSubChannelLayer', 5, 'ACL SETUSER tideway on >password ~asgi* &db5/asgi* +@all -@dangerous +info +role'],
    [
      'RedisChannelLayer',
      0,
      'ACL SETUSER tideway on >password ~asgi* &asgi* +@all -@dangerous +info +role +client|unblock',
    ],
  ] as const)('run all commands of %s on database %i without a rejection', async (kind, db, acl) => {
    const guide = await readFile(new URL('../../../docs/guides/channel-layers.md', import.meta.url), 'utf8')
    expect(guide).toContain(`${acl.replace('&db5/', '&')}\n`)
    const server = await RedisServer.start()
    onTestFinished(() => server.stop())
    const [command, ...args] = acl.split(' ')
    await server.client.call(command!, ...args)
    const makeLayer = (): Layer => {
      const layer = new layers[kind]({
        hosts: [`redis://tideway:password@127.0.0.1:${server.port}/${db}`],
        leaseMs: 300,
      })
      onTestFinished(() => layer.close())
      return layer
    }
    const [layer, sender] = [makeLayer(), makeLayer()]
    const channel = layer.newChannel()
    await layer.groupAdd('room', channel)
    await sender.groupSend('room', { type: 'grouped' })
    expect(await layer.receive(channel)).toEqual({ type: 'grouped' })
    await sender.send(channel, { type: 'direct' })
    expect(await layer.receive(channel)).toEqual({ type: 'direct' })
    const job = layer.receive('jobs')
    await sender.send('jobs', { type: 'job' })
    expect(await job).toEqual({ type: 'job' })
    const bodies: string[] = []
    const follower = { onEntry: ({ body }: LogEntry) => void bodies.push(body), onReset() {}, onVolatile() {} }
    const { cursor } = await layer.keptGroups.follow('kept', follower)
    cursor.start()
    await sender.keptGroups.publish('kept', '1', {}, { id: 'a' })
    await expect.poll(() => bodies).toEqual(['1'])
    expect((await layer.keptGroups.history('kept')).entries).toMatchObject([{ body: '1' }])
    await layer.groupDiscard('room', channel)
    await sender.flush()
    expect(await server.client.call('ACL', 'LOG')).toEqual([])
    expect((await layer.diagnose()).filter(({ level }) => level !== 'ok')).toEqual([])
    await Promise.all([layer.close(), sender.close()])
    // The diagnosis skips a setting that it may not read.
    const refused = (await server.client.call('ACL', 'LOG')) as (string | number)[][]
    expect(refused.map((entry) => entry[entry.indexOf('object') + 1])).toEqual(['config|get'])
  })
})

describeWith(['redis'], 'Redis layers on a Redis without some commands', () => {
  async function redisWith(...args: string[]): Promise<RedisServer> {
    const server = await RedisServer.start(...args)
    onTestFinished(() => server.stop())
    return server
  }

  function makeLayer(kind: keyof typeof layers, host: string): Layer {
    const layer = new layers[kind]({ hosts: [host] })
    onTestFinished(() => layer.close())
    return layer
  }

  describe.each(['RedisPubSubChannelLayer', 'RedisChannelLayer'] as const)('under %s', (kind) => {
    it.each([
      ['an ACL', ['--user', ...'default on nopass ~* &* +@all -info'.split(' ')]],
      ['its configuration', ['--rename-command', 'INFO', '']],
    ] as const)('work without INFO if %s forbids it, and write nothing to the console', async (_what, args) => {
      const server = await redisWith(...args)
      const output = [vi.spyOn(console, 'warn'), vi.spyOn(console, 'error'), vi.spyOn(console, 'log')]
      onTestFinished(() => void vi.restoreAllMocks())
      const layer = makeLayer(kind, server.url)
      await layer.ready()
      await layer.send('jobs', { type: 'job' })
      expect(output.flatMap((stream) => stream.mock.calls)).toEqual([])
      expect((await layer.diagnose()).map(({ level }) => level)).not.toContain('problem')
    })

    it('reject ready() at once without SCRIPT, and diagnose() names it', async () => {
      const server = await redisWith('--rename-command', 'SCRIPT', '')
      const layer = makeLayer(kind, server.url)
      await expect(layer.ready()).rejects.toMatchObject({
        code: 'ERR_LAYER_UNAVAILABLE',
        message: expect.stringMatching(/does not have a command that a channel layer needs \(.*SCRIPT/),
      })
      expect(await layer.diagnose()).toContainEqual(
        expect.objectContaining({ check: 'redis-scripts', level: 'problem', found: expect.stringContaining('SCRIPT') }),
      )
    })

    it('warn of a password that Redis does not need, also in diagnose()', async () => {
      const server = await redisWith()
      const output = vi.spyOn(console, 'warn')
      const warnings: string[] = []
      const listener = ({ message }: Error): void => void warnings.push(message)
      process.on('warning', listener)
      onTestFinished(() => {
        process.off('warning', listener)
        vi.restoreAllMocks()
      })
      const layer = makeLayer(kind, `redis://:SECRET@127.0.0.1:${server.port}`)
      await layer.ready()
      const warning = `Redis at ${server.url} needs no password, but hosts has one for it.`
      await patiently(() => expect(warnings).toEqual([warning]))
      expect(output).not.toHaveBeenCalled()
      expect(await layer.diagnose()).toContainEqual(
        expect.objectContaining({ check: 'redis-password', level: 'warning', found: warning }),
      )
    })
  })
})
