import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'

import type { LogEntry } from 'tideway/layer'

import { describeWith } from '../../../../test/setup/describe-with.ts'
import { patiently } from '../../../../test/setup/patiently.ts'
import type { RedisLayerOptions } from '../../src/index.ts'
import { RedisServer } from '../redis-server.ts'
import { kinds, logOf, type Kind, type LayerLog } from './log-layers.ts'
import { lasting, readAll } from './old-positions.ts'

const secret = ['a key of more than thirty-two bytes, for tests']

describeWith(['redis'], 'RedisEventLog', () => {
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

  async function open(options: RedisLayerOptions = {}, kind: Kind = 'RedisPubSubChannelLayer'): Promise<LayerLog> {
    const log = logOf(kind, { hosts: [server.url], prefix: `p${prefixes++}`, ...options })
    made.push(log)
    await log.layer.ready()
    return log
  }

  async function watch(log: LayerLog): Promise<{ readonly entries: LogEntry[]; readonly volatile: string[] }> {
    const seen = { entries: [] as LogEntry[], volatile: [] as string[] }
    const sink = {
      onEntry: (entry: LogEntry) => void seen.entries.push(entry),
      onVolatile: (body: string) => void seen.volatile.push(body),
    }
    await log.watch('room', sink)
    return seen
  }

  it('keeps the keys of a group in one slot, and each of them expires', async () => {
    const log = await open({ prefix: 'keys' })
    await log.append('room', 'x', { ...lasting, ttlMs: 1_000_000, headTtlMs: 2_000_000, id: 'one', idTtlMs: 3_000_000 })
    expect((await server.client.keys('keys:*')).sort()).toEqual([
      'keys:tideway:head:{room}',
      'keys:tideway:log:{room}',
      'keys:tideway:once:{room}:one',
    ])
    const ttls = ['log:{room}', 'head:{room}', 'once:{room}:one'].map((key) =>
      server.client.pttl(`keys:tideway:${key}`),
    )
    const rounded = (await Promise.all(ttls)).map((ttl) => Math.round(ttl / 1_000_000))
    expect(rounded).toEqual([1, 2, 3])
  })

  it('writes an expiry only if a sixteenth of the time to live has passed, and never shortens that of the head', async () => {
    const log = await open({ prefix: 'expiry' })
    const [entries, head] = ['expiry:tideway:log:{room}', 'expiry:tideway:head:{room}'] as const
    const append = () => log.append('room', 'x', { ...lasting, ttlMs: 1_600_000, headTtlMs: 3_200_000 })
    const left = async () => {
      const times = [await server.client.pttl(entries), await server.client.pttl(head)]
      return times.map((ttl) => Math.ceil(ttl / 50_000) * 50_000)
    }
    const set = async (entriesMs: number, headMs: number) => {
      await server.client.pexpire(entries, entriesMs)
      await server.client.pexpire(head, headMs)
    }
    await append()
    expect(await left()).toEqual([1_700_000, 3_400_000])
    await set(1_650_000, 3_300_000)
    await append()
    expect(await left()).toEqual([1_650_000, 3_300_000])
    await set(1_590_000, 3_190_000)
    await append()
    expect(await left()).toEqual([1_700_000, 3_400_000])
    await set(1_800_000, 9_000_000)
    await append()
    expect(await left()).toEqual([1_700_000, 9_000_000])
    await server.client.del(entries)
    await append()
    expect(await left()).toEqual([1_700_000, 9_000_000])
  })

  it('appends concurrent events with few calls, in order, and refuses the duplicates among them', async () => {
    const log = await open({ prefix: 'batch' })
    const seen = await watch(log)
    const first = await log.append('room', 'first', { ...lasting, id: 'id 10' })
    await server.client.config('RESETSTAT')
    const appends = Array.from({ length: 200 }, (_, index) =>
      log.append('room', `${index}`, { ...lasting, ...(index % 10 === 0 && { id: `id ${index}` }) }),
    )
    const appended = await Promise.all(appends)
    expect(appended[10]).toEqual({ position: first.position, duplicate: true })
    const others = appended.toSpliced(10, 1)
    expect(others.map(({ position, duplicate }) => [position.offset, duplicate])).toEqual(
      others.map((_, index) => [index + 2, false]),
    )
    await patiently(() => expect(seen.entries).toHaveLength(200))
    const bodies = ['first', ...Array.from({ length: 200 }, (_, index) => `${index}`).toSpliced(10, 1)]
    expect(seen.entries.map(({ body }) => body)).toEqual(bodies)
    const stats = await server.client.info('commandstats')
    expect(Number(/cmdstat_evalsha:calls=(\d+)/.exec(stats)![1])).toBeLessThan(10)
    const again = await Promise.all(
      [150, 160].map((index) => log.append('room', 'x', { ...lasting, id: `id ${index}` })),
    )
    expect(again).toEqual([150, 160].map((index) => ({ position: appended[index]!.position, duplicate: true })))
  })

  it('gives all events of a call the new epoch after a change of the replication id', async () => {
    const log = await open({ prefix: 'epochs' })
    const old = await log.append('room', 'old', lasting)
    await server.client.hset('epochs:tideway:head:{room}', 'r', 'another')
    const appended = await Promise.all(['a', 'b', 'c'].map((body) => log.append('room', body, lasting)))
    const epoch = appended[0]!.position.epoch
    expect(epoch).not.toBe(old.position.epoch)
    expect(appended.map(({ position }) => position)).toEqual([2, 3, 4].map((offset) => ({ epoch, offset })))
    expect(await readAll(log)).toMatchObject({
      epochs: [
        { epoch: old.position.epoch, from: 1 },
        { epoch, from: 2 },
      ],
    })
  })

  it('sends what a call follows before it: volatile events, reads, appends with replicas, close()', async () => {
    const log = await open()
    const seen = { bodies: [] as string[] }
    const see = (body: string) => void seen.bodies.push(body)
    await log.watch('room', { onEntry: ({ body }) => see(body), onVolatile: see })
    const appends = ['a', 'b'].map((body) => log.append('room', body, lasting))
    await log.send('room', '~')
    appends.push(log.append('room', 'c', lasting), log.append('room', 'd', { ...lasting, replicas: 1 }))
    await appends.at(-1)
    appends.push(log.append('room', 'e', lasting))
    expect((await readAll(log)).top.offset).toBe(5)
    await patiently(() => expect(seen.bodies).toEqual(['a', 'b', '~', 'c', 'd', 'e']))
    appends.push(log.append('room', 'f', lasting))
    await log.layer.close()
    expect((await Promise.all(appends)).map(({ position }) => position.offset)).toEqual([1, 2, 3, 4, 5, 6])
  })

  it.each([99_999_999_999_998, Number.MAX_SAFE_INTEGER - 3])(
    'appends, sends and reads after the offset %d',
    async (top) => {
      const log = await open({ prefix: `large${top}` })
      const since = (await log.append('room', 'first', lasting)).position
      await server.client.hset(`large${top}:tideway:head:{room}`, 's', top)
      const seen = await watch(log)
      for (const body of ['a', 'b', 'c']) await log.append('room', body, lasting)
      const wanted = ['a', 'b', 'c'].map((body, index) => ({ epoch: since.epoch, offset: top + 1 + index, body }))
      await patiently(() => expect(seen.entries).toEqual(wanted))
      const read = await log.read('room', {
        since: { epoch: since.epoch, offset: top },
        last: 10,
        maxEntries: 10,
        maxBytes: 1000,
        headTtlMs: 600_000,
      })
      expect(read).toMatchObject({ status: 'continues', entries: wanted, top: { offset: top + 3 } })
      expect((await readAll(log)).entries).toEqual(wanted)
    },
  )

  it('sends its scripts again after Redis has lost them', async () => {
    const log = await open()
    for (const replicas of [undefined, 1]) {
      await server.client.script('FLUSH')
      await log.append('room', 'x', { ...lasting, replicas })
    }
    await server.client.script('FLUSH')
    expect((await readAll(log)).top.offset).toBe(2)
  })

  it('returns the number of replicas that have the entry', async () => {
    const log = await open()
    expect(await log.append('room', 'x', { ...lasting, replicas: 1 })).toMatchObject({ replicas: 0 })
    const replica = await RedisServer.start('--replicaof', `127.0.0.1 ${server.port}`)
    try {
      await patiently(async () => {
        expect(await log.append('room', 'x', { ...lasting, replicas: 1 })).toMatchObject({ replicas: 1 })
      })
    } finally {
      await replica.stop()
    }
  })

  it('rejects an append with replicas if 1000 others wait', async () => {
    const log = await open()
    const all = Array.from({ length: 1001 }, () => log.append('room', 'x', { ...lasting, replicas: 1 }))
    const settled = Promise.allSettled(all)
    await expect(all.at(-1)).rejects.toMatchObject({
      code: 'ERR_LAYER_UNAVAILABLE',
      message: expect.stringContaining('has 1000 appends that wait for replicas'),
    })
    await expect(all[0]).resolves.toMatchObject({ position: { offset: 1 }, replicas: 0 })
    await log.layer.close()
    await settled
  })

  it('stores and sends encrypted events with symmetricEncryptionKeys, and reads no other ones', async () => {
    const log = await open({ prefix: 'secret', symmetricEncryptionKeys: secret })
    await log.append('room', 'plain text', lasting)
    const stored = await server.client.xrange('secret:tideway:log:{room}', '-', '+')
    expect(JSON.stringify(stored)).not.toContain('plain text')
    const other = await open({
      prefix: 'secret',
      symmetricEncryptionKeys: ['another key of more than 32 bytes, for tests'],
    })
    const read = other.read('room', { last: 10, maxEntries: 10, maxBytes: 1000, headTtlMs: 600_000 })
    await expect(read).rejects.toMatchObject({
      code: 'ERR_LAYER_UNAVAILABLE',
      message: expect.stringContaining('has an entry of a log that this process cannot decode'),
    })
    const rotated = await open({
      prefix: 'secret',
      symmetricEncryptionKeys: ['a new key of more than 32 bytes, for tests', ...secret],
    })
    expect((await readAll(rotated)).entries).toMatchObject([{ body: 'plain text' }])
  })

  it.each([
    '',
    'x',
    ':1:x',
    'epoch:1',
    'epoch:-1:x',
    'epoch:1.5:x',
    'epoch:1e3:x',
    'no epoch!:1:x',
    'epoch:9007199254740992:x',
  ])('counts and drops the malformed message %j', async (text) => {
    const log = await open()
    const seen = await watch(log)
    const malformed = new Promise((resolve) => log.layer.on('malformed', resolve))
    const channel = `${log.options.prefix}:tideway:log:{room}`
    await server.client.publish(channel, text)
    expect(await malformed).toMatchObject({ channel, error: expect.any(Error) })
    await log.append('room', 'good', lasting)
    await patiently(() => expect(seen.entries.map(({ body }) => body)).toEqual(['good']))
    expect(log.layer.stats().dropped.malformed).toBe(1)
  })

  it('rejects with the reason if Redis does not permit INFO, and plain groups work', async () => {
    await server.client.call('ACL', 'SETUSER', 'noinfo', 'on', '>secret', '~*', '&*', '+@all', '-info')
    const log = await open({ hosts: [`redis://noinfo:secret@127.0.0.1:${server.port}`] })
    const refused = {
      code: 'ERR_LAYER_UNAVAILABLE',
      message: expect.stringContaining('does not permit INFO in scripts, which kept groups need'),
    }
    await expect(log.append('room', 'x', lasting)).rejects.toMatchObject(refused)
    const read = log.read('room', { last: 1, maxEntries: 1, maxBytes: 1, headTtlMs: 600_000 })
    await expect(read).rejects.toMatchObject(refused)
    const channel = log.layer.newChannel()
    await log.layer.groupAdd('plain', channel)
    await log.layer.groupSend('plain', { type: 'plain' })
    expect(await log.layer.receive(channel)).toEqual({ type: 'plain' })
  })

  describe.each(Object.keys(kinds) as Kind[])('of a %s', (kind) => {
    it('calls onGap after its subscriber has reconnected', async () => {
      const log = await open({}, kind)
      const seen = await watch(log)
      const gap = new Promise<void>((resolve) => log.onGap(resolve))
      await server.client.call('CLIENT', 'KILL', 'TYPE', 'pubsub')
      await gap
      // Subscribed again before the call.
      await log.append('room', 'after the gap', lasting)
      await patiently(() => expect(seen.entries).toHaveLength(1))
    })

    it('emits readFailed if the log of a followed group cannot be read, and followers continue later', async () => {
      const log = await open({}, kind)
      const bodies: string[] = []
      const { cursor } = await log.layer.keptGroups.follow('room', {
        onEntry: ({ body }) => void bodies.push(body),
        onVolatile: () => {},
        onReset: ({ why }) => void bodies.push(`reset ${why}`),
      })
      cursor.start()
      const failed = new Promise<string[]>((resolve) => {
        log.layer.on('readFailed', ({ group, error }) => resolve([group, (error as Error).message]))
      })
      await log.append('room', 'a', lasting)
      await patiently(() => expect(bodies).toEqual(['a']))
      const key = `${log.options.prefix}:tideway:head:{room}`
      await server.client.set(key, 'no hash')
      // The process reads after a gap.
      await server.client.call('CLIENT', 'KILL', 'TYPE', 'pubsub')
      expect(await failed).toEqual(['room', expect.stringContaining('WRONGTYPE')])
      await server.client.del(key)
      await patiently(() => expect(bodies).toEqual(['a', 'reset epoch']))
      await log.append('room', 'b', lasting)
      await patiently(() => expect(bodies).toEqual(['a', 'reset epoch', 'b']))
    })

    it('loses every log at flush(), and calls onGap', async () => {
      const log = await open({}, kind)
      await log.append('room', 'x', { ...lasting, id: 'one' })
      const gap = new Promise<void>((resolve) => log.onGap(resolve))
      await log.layer.flush()
      await gap
      const keys = await server.client.keys(`${log.options.prefix}:tideway:*room*`)
      expect(keys).toEqual([])
      expect((await log.append('room', 'x', { ...lasting, id: 'one' })).duplicate).toBe(false)
    })

    it('carries the kept groups of the layer to another process, until close()', async () => {
      const [layer, peer] = [
        await open({ prefix: `kept${kind}` }, kind),
        await open({ prefix: `kept${kind}` }, kind),
      ].map((log) => log.layer) as [LayerLog['layer'], LayerLog['layer']]
      const bodies: string[] = []
      const { cursor } = await peer.keptGroups.follow('room', {
        onEntry: ({ body }) => void bodies.push(body),
        onVolatile: (body) => void bodies.push(`~${body}`),
        onReset: () => {},
      })
      cursor.start()
      await layer.keptGroups.publish('room', '"one"')
      await layer.keptGroups.publishVolatile('room', '"typing"')
      await layer.keptGroups.publish('room', '"two"')
      await patiently(() => expect(bodies).toEqual(['"one"', '~"typing"', '"two"']))
      expect(peer.stats().keptGroups).toMatchObject({ groups: 1, followers: 1 })
      await peer.close()
      await layer.keptGroups.publish('room', '"three"')
      await expect(peer.keptGroups.publish('room', '"four"')).rejects.toMatchObject({ code: 'ERR_LAYER_CLOSED' })
      expect(bodies).toHaveLength(3)
    })
  })
})
