import { once } from 'node:events'
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { InMemoryChannelLayer, type ChannelLayer, type Message } from 'tideway/layer'
import { ClusterChannelLayer, clusterLayerDefaults, type ClusterChannelLayerOptions } from 'tideway/layer/cluster'
import { patiently } from '../../../../test/setup/patiently.ts'
import { ClusterEngine } from '../../src/layer/cluster/cluster-engine.ts'
import { Rendezvous } from '../../src/layer/cluster/rendezvous.ts'

let directory: string
let made: ChannelLayer[] = []

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tideway-cluster-'))
})
afterEach(async () => {
  await Promise.all(made.map((layer) => layer.close()))
  made = []
  await rm(directory, { recursive: true, force: true })
})

function make(options: ClusterChannelLayerOptions = {}): ClusterChannelLayer {
  const layer = new ClusterChannelLayer({ directory, ...options })
  made.push(layer)
  return layer
}

/** A channel with a receiver, and what it got. */
function attach(layer: ChannelLayer): { readonly channel: string; readonly got: Message[] } {
  const [channel, got] = [layer.newChannel(), [] as Message[]]
  layer.attach(channel, {
    deliver(message) {
      got.push(message)
      return 'delivered'
    },
  })
  return { channel, got }
}

describe('ClusterChannelLayer', () => {
  it('is not local, and has a finite default for each bound', () => {
    expect(make().isLocal).toBe(false)
    expect(clusterLayerDefaults).toEqual({ name: 'default', callTimeoutMs: 5000, maxQueuedBytes: 16_777_216 })
  })

  it.each([
    [{ callTimeoutMs: 0 }, 'ERR_BAD_OPTION'],
    [{ maxQueuedBytes: 0.5 }, 'ERR_BAD_OPTION'],
    [{ name: 'a/b' }, 'ERR_BAD_NAME'],
    [{ directory: `/tmp/${'x'.repeat(100)}` }, 'ERR_CANNOT_LISTEN'],
  ])('throws for the options %o', (options, code) => {
    expect(() => new ClusterChannelLayer(options)).toThrow(expect.objectContaining({ code }) as Error)
  })

  it('rejects a folder that others may enter, and works after its permissions are changed', async () => {
    const open = join(directory, 'open')
    await mkdir(open)
    await chmod(open, 0o755)
    const layer = make({ directory: open, callTimeoutMs: 300 })
    await expect(layer.ready()).rejects.toMatchObject({
      code: 'ERR_LAYER_UNAVAILABLE',
      message: expect.stringContaining('0700') as string,
    })
    await chmod(open, 0o700)
    await patiently(() => layer.ready())
  })

  it('rejects calls, and counts group sends, while the hub does not answer', async () => {
    const mute = createServer((socket) => socket.resume()).listen(join(directory, 'hub.1'))
    await once(mute, 'listening')
    const layer = make({ callTimeoutMs: 200 })
    const { channel, got } = attach(layer)
    await expect(layer.groupAdd('room', channel)).rejects.toMatchObject({ code: 'ERR_LAYER_UNAVAILABLE' })
    expect(layer.stats().groups).toBe(0)
    await layer.groupSend('room', { type: 'one' })
    await layer.send(channel, { type: 'own' })
    expect(got).toEqual([{ type: 'own' }])
    await expect(layer.send('jobs', { type: 'job' })).rejects.toMatchObject({ code: 'ERR_LAYER_UNAVAILABLE' })
    await expect(layer.keptGroups.history('room')).rejects.toMatchObject({ code: 'ERR_LAYER_UNAVAILABLE' })
    await patiently(() => expect(layer.stats().dropped.unavailable).toBe(1))
    await layer.close()
    mute.close()
  })

  it('drops group sends, and rejects sends, over maxQueuedBytes', async () => {
    const mute = createServer((socket) => socket.resume()).listen(join(directory, 'hub.1'))
    await once(mute, 'listening')
    const layer = make({ callTimeoutMs: 60_000, maxQueuedBytes: 1000 })
    for (let n = 0; n < 3; n++) await layer.groupSend('room', { type: 'large', text: 'x'.repeat(600) })
    expect(layer.stats().dropped.full).toBe(1)
    await expect(layer.send('jobs', { type: 'job' })).rejects.toMatchObject({ code: 'ERR_CHANNEL_FULL' })
    await expect(layer.keptGroups.publish('room', '1')).rejects.toMatchObject({ code: 'ERR_LAYER_UNAVAILABLE' })
    await layer.close()
    mute.close()
  })

  it('lists the kept groups that all processes follow', async () => {
    const [hub, layer] = [make(), make()]
    await hub.ready()
    const follower = { onEntry: () => {}, onVolatile: () => {}, onReset: () => {} }
    for (const each of [hub, layer, layer]) await each.keptGroups.follow('room', follower)
    const { processes, answers } = await layer.keptGroups.survey!.run(5000)
    expect(processes).toBe(2)
    expect(answers.flatMap(({ groups }) => groups).map(({ group }) => group)).toEqual(['room', 'room'])
    expect(
      answers
        .flatMap(({ groups }) => groups)
        .map(({ followers }) => followers)
        .toSorted((a, b) => a - b),
    ).toEqual([1, 2])
    expect(await make({ directory: join(directory, 'empty') }).keptGroups.survey!.run(5000)).toEqual({
      processes: 0,
      answers: [],
    })
  })

  it('continues in its groups when the process of the hub ends in order, and reports a gap', async () => {
    const hub = make()
    await hub.ready()
    const layer = make()
    const { channel, got } = attach(layer)
    await layer.groupAdd('room', channel)
    const gaps: unknown[] = []
    layer.on('gap', (gap) => gaps.push(gap))
    await hub.close()
    const other = make()
    await other.groupSend('elsewhere', { type: 'nothing' })
    await patiently(() => expect(gaps).toMatchObject([{ groups: ['room'], reason: 'disconnected' }]))
    await other.groupSend('room', { type: 'again' })
    await patiently(() => expect(got).toEqual([{ type: 'again' }]))
    expect(layer.stats()).toMatchObject({ reconnects: 1, gaps: 1 })
  })
})

describe('an InMemoryChannelLayer that is shared', () => {
  it('keeps what the application has done with it before: members, receivers, followers and listeners', async () => {
    const hub = make()
    await hub.ready()
    const layer = new InMemoryChannelLayer({ keptGroups: { presence: { graceMs: 1 } } })
    made.push(layer)
    const { channel, got } = attach(layer)
    await layer.groupAdd('room', channel)
    const job = layer.receive('jobs')
    const heard: string[] = []
    const { cursor } = await layer.keptGroups.follow('room', {
      onEntry: ({ body }) => void heard.push(body),
      onVolatile: () => {},
      onReset: ({ why }) => void heard.push(why),
    })
    cursor.start()
    const left: string[] = []
    layer.keptGroups.presence!.onLeft(({ key }) => left.push(key))
    expect(layer.isLocal).toBe(true)

    const rendezvous = new Rendezvous(directory, { canHost: false })
    const { callTimeoutMs, maxQueuedBytes } = clusterLayerDefaults
    const shared = {
      layer: 'default',
      callTimeoutMs,
      maxQueuedBytes,
      connect: () => rendezvous.connect(),
      close: () => rendezvous.close(),
    }
    await layer.useEngine((side) => new ClusterEngine(side, shared)).ready()
    expect(layer.isLocal).toBe(false)
    await patiently(() => expect(heard).toEqual(['epoch']))
    await hub.groupSend('room', { type: 'said' })
    await hub.keptGroups.publish('room', '"hello"')
    await hub.send('jobs', { type: 'job' })
    expect(await job).toEqual({ type: 'job' })
    await patiently(() => expect(got).toEqual([{ type: 'said' }]))
    await patiently(() => expect(heard).toEqual(['epoch', '"hello"']))
    const member = await layer.keptGroups.presence!.enter('room', { key: 'Anna', meta: null })
    expect((await hub.keptGroups.presence!.who('room', 1)).count).toBe(1)
    member.leave({ isFinal: true })
    await patiently(() => expect(left).toEqual(['Anna']))
  })
})
