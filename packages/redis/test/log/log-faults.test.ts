import { afterEach, expect, it, onTestFinished } from 'vitest'

import { describeWith } from '../../../../test/setup/describe-with.ts'
import { freePort } from '../../../../test/setup/free-port.ts'
import { patiently } from '../../../../test/setup/patiently.ts'
import { RedisServer } from '../redis-server.ts'
import { TcpProxy } from '../tcp-proxy.ts'
import { logOf, type LayerLog } from './log-layers.ts'
import { lasting, OldPositions, readAll } from './old-positions.ts'

const HEAD = 'asgi:tideway:head:{room}'
const LOG = 'asgi:tideway:log:{room}'

describeWith(['redis'], 'the log of a kept group in a Redis that loses data', () => {
  let made: LayerLog[] = []

  afterEach(async () => {
    await Promise.all(made.map(({ layer }) => layer.close()))
    made = []
  })

  async function redis(...args: string[]): Promise<RedisServer> {
    const server = await RedisServer.start(...args)
    onTestFinished(() => server.stop())
    return server
  }

  async function open(url: string): Promise<LayerLog> {
    const log = logOf('RedisPubSubChannelLayer', { hosts: [url] })
    made.push(log)
    await log.layer.ready()
    return log
  }

  async function replicaOf(master: RedisServer): Promise<RedisServer> {
    const replica = await redis('--replicaof', `127.0.0.1 ${master.port}`)
    await patiently(async () => expect(await replica.client.info('replication')).toMatch('master_link_status:up'))
    return replica
  }

  it('continues no position after a restart without data', async () => {
    const server = await redis()
    const log = await open(server.url)
    const old = new OldPositions()
    await old.append(log, 'a', 'b', 'c')
    await server.crash()
    await server.run()
    old.lost(0)
    await old.append(log, 'x', 'y')
    expect(await old.check(log)).toEqual([...lost(4, 'epoch'), ...continues(3)])
  })

  it('continues the positions up to the snapshot after a restart from it, and no later one', async () => {
    const server = await redis()
    const log = await open(server.url)
    const old = new OldPositions()
    await old.append(log, 'a', 'b', 'c')
    await server.client.save()
    await old.append(log, 'd', 'e')
    await server.crash()
    await server.run()
    old.lost(3)
    await readAll(log)
    expect(await old.check(log)).toEqual([...continues(4), ...lost(2, 'ahead')])
    const { epoch } = await old.append(log, 'x')
    expect(await old.check(log)).toEqual([...continues(4), ...lost(2, 'epoch'), ...continues(1)])
    await old.append(log, 'y', 'z')
    expect(await old.check(log)).toEqual([...continues(4), ...lost(2, 'epoch'), ...continues(3)])
    expect((await readAll(log)).epochs.at(-1)).toEqual({ epoch, from: 4 })
  })

  it.each([0, 1, 3])(
    'continues all but the lost positions after a failover to a replica without the last %i entries',
    async (behind) => {
      const master = await redis('--repl-diskless-sync-delay', '0')
      const replica = await replicaOf(master)
      const name = await TcpProxy.start(master.port)
      onTestFinished(() => name.stop())
      const log = await open(name.url)
      const old = new OldPositions()
      await old.append(log, 'a', 'b', 'c')
      await replicated(master)
      await replica.client.replicaof('NO', 'ONE')
      for (let number = 0; number < behind; number++) await old.append(log, `lost ${number}`)
      name.target = replica.port
      await master.crash()
      old.lost(3)
      await readAll(log)
      expect(await old.check(log)).toEqual([...continues(4), ...lost(behind, 'ahead')])
      await old.append(log, 'x', 'y', 'z', 'u')
      expect(await old.check(log)).toEqual([...continues(4), ...lost(behind, 'epoch'), ...continues(4)])
    },
  )

  it('begins a new epoch on a connection to a replica that was promoted', async () => {
    const master = await redis('--repl-diskless-sync-delay', '0')
    const replica = await replicaOf(master)
    const log = await open(master.url)
    const old = new OldPositions()
    const before = await old.append(log, 'a', 'b')
    await replicated(master)
    const atReplica = await open(replica.url)
    await replica.client.replicaof('NO', 'ONE')
    const atMaster = await old.append(log, 'lost')
    old.lost(2)
    const after = await old.append(atReplica, 'x')
    expect(after.offset).toBe(atMaster.offset)
    expect([before.epoch, atMaster.epoch]).not.toContain(after.epoch)
    await old.append(atReplica, 'y')
    expect(await old.check(atReplica)).toEqual([...continues(3), 'epoch', ...continues(2)])
  })

  it('delivers everything to a follower whose subscriber answered PING and received nothing', async () => {
    const master = await redis('--repl-diskless-sync-delay', '0')
    const replica = await replicaOf(master)
    const name = await TcpProxy.start(master.port)
    onTestFinished(() => name.stop())
    const log = await open(name.url)
    const bodies: string[] = []
    const resets: unknown[] = []
    const { cursor } = await log.layer.keptGroups.follow('room', {
      onEntry: ({ body }) => void bodies.push(body),
      onVolatile: () => {},
      onReset: (reset) => void resets.push(reset),
    })
    cursor.start()
    await log.append('room', 'a', lasting)
    await replicated(master)
    await patiently(() => expect(bodies).toEqual(['a']))
    // Two masters: the subscriber stays connected to the one without messages.
    await replica.client.replicaof('NO', 'ONE')
    name.target = replica.port
    const [, id] = /\bid=(\d+) .*name=tideway-commands /.exec((await master.client.call('CLIENT', 'LIST')) as string)!
    await master.client.call('CLIENT', 'KILL', 'ID', id!)
    const publisher = await open(replica.url)
    for (const body of ['b', 'c']) await publisher.append('room', body, lasting)
    await patiently(() => expect(bodies).toEqual(['a', 'b', 'c']))
    expect(resets).toEqual([])
  })

  it('rejects an event while its process is cut off from Redis, and delivers everything in order after it', async () => {
    const server = await redis()
    const network = await TcpProxy.start(server.port)
    onTestFinished(() => network.stop())
    const [isolated, other] = [await open(network.url), await open(server.url)]
    const received: string[] = []
    const { cursor } = await isolated.layer.keptGroups.follow('room', {
      onEntry: ({ body }) => void received.push(body),
      onVolatile: () => {},
      onReset: ({ why }) => void received.push(why),
    })
    cursor.start()
    await isolated.append('room', 'a', lasting)
    await patiently(() => expect(received).toEqual(['a']))
    network.pause()
    network.target = await freePort()
    const appendOnce = () => isolated.append('room', 'd', { ...lasting, id: 'once' })
    await expect(appendOnce()).rejects.toMatchObject({ code: 'ERR_LAYER_UNAVAILABLE' })
    for (const body of ['b', 'c']) await other.append('room', body, lasting)
    network.target = server.port
    expect((await patiently(appendOnce)).position.offset).toBe(4)
    await patiently(() => expect(received).toEqual(['a', 'b', 'c', 'd']))
  })

  it('resets the followers beyond a failover, and no other ones', async () => {
    const master = await redis('--repl-diskless-sync-delay', '0')
    const replica = await replicaOf(master)
    const name = await TcpProxy.start(master.port)
    onTestFinished(() => name.stop())
    const [beyond, before] = [await open(name.url), await open(replica.url)]
    await beyond.append('room', 'a', lasting)
    await replicated(master)
    await replica.client.replicaof('NO', 'ONE')
    const received = { beyond: [] as unknown[], before: [] as unknown[] }
    const follow = async (log: LayerLog, into: unknown[]): Promise<void> => {
      const { cursor } = await log.layer.keptGroups.follow('room', {
        onEntry: ({ body }) => void into.push(body),
        onVolatile: () => {},
        onReset: ({ why }) => void into.push({ why }),
      })
      cursor.start()
    }
    await Promise.all([follow(beyond, received.beyond), follow(before, received.before)])
    await beyond.append('room', 'lost', lasting)
    await patiently(() => expect(received.beyond).toEqual(['lost']))
    name.target = replica.port
    await master.crash()
    await patiently(() => expect(received.beyond).toEqual(['lost', { why: 'ahead' }]))
    await before.append('room', 'x', lasting)
    await patiently(() => expect(received).toEqual({ beyond: ['lost', { why: 'ahead' }, 'x'], before: ['x'] }))
  })

  it('rejects a read at a replica, whose entries may be lost', async () => {
    const master = await redis('--repl-diskless-sync-delay', '0')
    const replica = await replicaOf(master)
    await new OldPositions().append(await open(master.url), 'a')
    await replicated(master)
    const log = await open(replica.url)
    const read = log.read('room', { last: 10, maxEntries: 10, maxBytes: 1000, headTtlMs: 600_000 })
    await expect(read).rejects.toMatchObject({
      code: 'ERR_LAYER_UNAVAILABLE',
      message: expect.stringContaining('READONLY'),
    })
  })

  it('rejects a repeated event at a replica, whose first one may be lost', async () => {
    const master = await redis('--repl-diskless-sync-delay', '0')
    const replica = await replicaOf(master)
    await (await open(master.url)).append('room', 'a', { ...lasting, id: 'one' })
    await replicated(master)
    const log = await open(replica.url)
    await expect(log.append('room', 'a', { ...lasting, id: 'one' })).rejects.toMatchObject({
      code: 'ERR_LAYER_UNAVAILABLE',
      message: expect.stringContaining('READONLY'),
    })
  })

  it('continues no position after its head was evicted', async () => {
    const server = await redis()
    const log = await open(server.url)
    const old = new OldPositions()
    await old.append(log, 'a', 'b', 'c')
    await server.client.del(HEAD)
    old.lost(0)
    expect(await old.check(log)).toEqual(lost(4, 'epoch'))
    await old.append(log, 'x')
    expect(await old.check(log)).toEqual([...lost(4, 'epoch'), ...continues(2)])
    await server.client.del(HEAD)
    old.lost(0)
    const { position } = await log.append('room', 'appended before a read', lasting)
    expect(position.offset).toBe(1)
    const { entries } = await readAll(log)
    expect(entries.map(({ body }) => body)).toEqual(['appended before a read'])
  })

  it('continues only its newest position after its entries were evicted', async () => {
    const server = await redis()
    const log = await open(server.url)
    const old = new OldPositions()
    await old.append(log, 'a', 'b', 'c')
    await server.client.del(LOG)
    expect(await old.check(log, 3)).toEqual([...lost(3, 'trimmed'), 'continues'])
    await old.append(log, 'd')
    expect(await old.check(log, 3)).toEqual([...lost(3, 'trimmed'), ...continues(2)])
  })

  it('continues no position after FLUSHALL', async () => {
    const server = await redis()
    const log = await open(server.url)
    const old = new OldPositions()
    await old.append(log, 'a', 'b')
    await server.client.flushall()
    old.lost(0)
    await old.append(log, 'x', 'y', 'z')
    expect(await old.check(log)).toEqual([...lost(3, 'epoch'), ...continues(4)])
  })

  it('loses the positions before a removed entry', async () => {
    const server = await redis()
    const log = await open(server.url)
    const old = new OldPositions()
    await old.append(log, 'a', 'b', 'c', 'd')
    await server.client.xdel(LOG, '2-0')
    expect(await old.check(log, 2)).toEqual([...lost(2, 'trimmed'), ...continues(3)])
  })

  it('keeps the starts of its newest 8 epochs', async () => {
    const server = await redis()
    const log = await open(server.url)
    const old = new OldPositions()
    for (let number = 0; number < 10; number++) {
      await old.append(log, String(number))
      // As after a failover.
      await server.client.hset(HEAD, 'r', 'another')
    }
    const { epochs } = await readAll(log)
    expect(epochs.map(({ from }) => from)).toEqual([3, 4, 5, 6, 7, 8, 9, 10])
    expect(await old.check(log)).toEqual([...lost(3, 'epoch'), ...continues(8)])
  })
})

function continues(count: number): 'continues'[] {
  return Array.from({ length: count }, () => 'continues' as const)
}

function lost<Reason>(count: number, reason: Reason): Reason[] {
  return Array.from({ length: count }, () => reason)
}

/** Waits until the replica has all writes until now. WAIT counts the writes of its own connection. */
async function replicated({ client }: RedisServer): Promise<void> {
  await client.set('written', 'last')
  await client.wait(1, 0)
}
