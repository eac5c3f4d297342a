import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'

import type { SetOptions, StateRead } from 'tideway/layer/kit'

import { describeWith } from '../../../../test/setup/describe-with.ts'
import type { RedisLayerOptions } from '../../src/index.ts'
import { RedisServer } from '../redis-server.ts'
import { logOf, type LayerLog } from './log-layers.ts'

const lasting: SetOptions = { maxKeys: 1000, maxBytes: 1_048_576, headTtlMs: 600_000 }

describeWith(['redis'], 'the values of a group in Redis', () => {
  let server: RedisServer
  let made: LayerLog[] = []
  let prefixes = 0

  beforeAll(async () => {
    server = await RedisServer.start()
  })
  afterEach(async () => {
    await Promise.all(made.map(({ layer }) => layer.close()))
    made = []
  })
  afterAll(() => server.stop())

  async function open(options: RedisLayerOptions = {}): Promise<LayerLog & { readonly head: string }> {
    const prefix = `values${prefixes++}`
    const log = logOf('RedisPubSubChannelLayer', { hosts: [server.url], prefix, ...options })
    made.push(log)
    await log.layer.ready()
    return { ...log, head: `${prefix}:tideway:head:{prices}` }
  }

  function valuesOf(log: LayerLog, since?: StateRead['top']): Promise<StateRead> {
    return log.values('prices', { headTtlMs: 600_000, since })
  }

  it('are in one key with the head, so that nothing is left if Redis evicts it', async () => {
    const log = await open()
    const { version } = await log.set('prices', 'a', '1', lasting)
    await log.set('prices', 'b', '2', { ...lasting, expiry: { afterMs: 500_000, body: 'no b' } })
    expect(await server.client.keys(`${log.head.split(':')[0]}:*`)).toEqual([log.head])
    expect(await server.client.pttl(log.head)).toBeGreaterThan(500_000)
    await server.client.del(log.head)
    await log.set('prices', 'c', '3', lasting)
    expect(await valuesOf(log, version)).toMatchObject({
      status: 'lost',
      why: 'epoch',
      entries: [{ offset: 1, body: '3' }],
      floor: 0,
    })
  })

  it.each(['set', 'values'] as const)('begin a new epoch with %s after Redis may have lost changes', async (call) => {
    const log = await open()
    const { version: first } = await log.set('prices', 'a', '1', lasting)
    await log.set('prices', 'b', '2', lasting)
    // What a restart and a promotion change.
    await server.client.hset(log.head, 'r', 'another')
    if (call === 'set') await log.set('prices', 'a', '3', lasting)
    const read = await valuesOf(log, first)
    expect([read.status, read.why, read.epochs.length]).toEqual(['lost', 'epoch', 2])
    expect(read.top.epoch).not.toBe(first!.epoch)
    expect(read.entries.map(({ body }) => body)).toEqual(call === 'set' ? ['2', '3'] : ['1', '2'])
    expect(await valuesOf(log, read.top)).toMatchObject({ status: 'continues', entries: [] })
  })

  it.each([99_999_999_999_998, Number.MAX_SAFE_INTEGER - 3])('have versions after the offset %d', async (top) => {
    const log = await open()
    await log.set('prices', 'a', 'first', lasting)
    await server.client.hset(log.head, 's', top)
    const { version } = await log.set('prices', 'a', '1', lasting)
    expect(version?.offset).toBe(top + 1)
    await log.set('prices', 'b', '2', { ...lasting, ifVersion: null })
    expect(await log.set('prices', 'a', '3', { ...lasting, ifVersion: version! })).toMatchObject({ status: 'changed' })
    const read = await valuesOf(log, version)
    expect(read.entries.map(({ offset, body }) => [offset, body])).toEqual([
      [top + 2, '2'],
      [top + 3, '3'],
    ])
  })

  it('are encrypted with symmetricEncryptionKeys, also the deletions of expired values', async () => {
    const log = await open({ symmetricEncryptionKeys: ['a key of more than thirty-two bytes, for tests'] })
    const options = { ...lasting, expiry: { afterMs: 50, body: 'plain deletion' } }
    await log.set('prices', 'a', 'plain value', options)
    const stored = async (): Promise<string> => JSON.stringify(await server.client.hgetall(log.head))
    expect(await stored()).not.toContain('plain')
    await expect.poll(async () => (await valuesOf(log)).entries.map(({ body }) => body)).toEqual(['plain deletion'])
    expect(await stored()).not.toContain('plain')
  })
})
