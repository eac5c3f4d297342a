import { describe, expect, it } from 'vitest'
import type { ChannelLayerOptions, Delivery, Message } from 'tideway/layer'
import { BaseChannelLayer } from 'tideway/layer/kit'

/** A layer whose engine does what the test says, and which writes down what it was asked. */
class RecordingLayer extends BaseChannelLayer {
  protected readonly processName = 'recording'
  readonly asked: string[] = []
  enter: (group: string) => void | Promise<void> = () => {}
  leave: (group: string) => void | Promise<void> = () => {}

  constructor(options: ChannelLayerOptions = {}) {
    super(options)
  }

  protected override sendToChannel(channel: string, message: Message): Promise<void> {
    return this.deliverLocally(channel, message)
  }

  protected override sendToGroup(group: string, message: Message): Promise<void> {
    return this.fanOutLocally(group, message, undefined)
  }

  protected override groupEntered(group: string): void | Promise<void> {
    this.asked.push(`enter ${group}`)
    return this.enter(group)
  }

  protected override groupLeft(group: string): void | Promise<void> {
    this.asked.push(`leave ${group}`)
    return this.leave(group)
  }

  protected override async flushEngine(): Promise<void> {
    this.asked.push(`flush with ${[...this.local.groupNames()].join()}`)
  }

  protected override async closeEngine(): Promise<void> {
    this.asked.push(`close with ${[...this.local.groupNames()].join()}`)
  }
}

const receiver = { deliver: (): Delivery => 'delivered' }

function attachNew(layer: BaseChannelLayer): string {
  const channel = layer.newChannel()
  layer.attach(channel, receiver)
  return channel
}

function deferred(): { readonly promise: Promise<void>; resolve: () => void; reject: (error: Error) => void } {
  let resolve!: () => void
  let reject!: (error: Error) => void
  const promise = new Promise<void>((onResolve, onReject) => {
    resolve = onResolve
    reject = onReject
  })
  return { promise, resolve, reject }
}

describe('a detached channel', () => {
  it('is added to no group, also after the layer is closed, because its consumer has ended', async () => {
    const layer = new RecordingLayer()
    const channel = attachNew(layer)
    await layer.detach(channel)
    await layer.groupAdd('room', channel)
    expect(layer.stats()).toMatchObject({ groups: 0, channels: 0 })
    await layer.close()
    await layer.groupAdd('room', channel)
    await expect(layer.groupAdd('room', layer.newChannel())).rejects.toMatchObject({ code: 'ERR_LAYER_CLOSED' })
    expect(layer.asked).toEqual(['close with '])
  })

  it('is added again if it has a receiver again or is a name of all processes', async () => {
    const layer = new RecordingLayer()
    const channel = attachNew(layer)
    await layer.detach(channel)
    layer.attach(channel, receiver)
    await layer.groupAdd('room', channel)
    layer.attach('jobs', receiver)
    await layer.detach('jobs')
    await layer.groupAdd('jobs-too', 'jobs')
    expect(layer.stats().groups).toBe(2)
  })

  it('is remembered until 10,000 others have been detached, and not after 20,000', async () => {
    const layer = new RecordingLayer()
    const [first, second] = [attachNew(layer), attachNew(layer)]
    await layer.detach(first)
    for (let i = 0; i < 9999; i++) void layer.detach(attachNew(layer))
    await layer.detach(second)
    await layer.groupAdd('of-first', first)
    for (let i = 0; i < 9999; i++) void layer.detach(attachNew(layer))
    await layer.groupAdd('of-second', second)
    expect(layer.asked).toEqual([])
    void layer.detach(attachNew(layer))
    await layer.groupAdd('of-first', first)
    expect(layer.asked).toEqual(['enter of-first'])
  })
})

describe('the engine of a layer', () => {
  it('is called for the first and the last member of a group in this process, and not between', async () => {
    const layer = new RecordingLayer()
    const [one, two] = [attachNew(layer), attachNew(layer)]
    await layer.groupAdd('group', one)
    await layer.groupAdd('group', one)
    await layer.groupAdd('group', two)
    await layer.groupDiscard('group', one)
    await layer.groupDiscard('group', one)
    expect(layer.asked).toEqual(['enter group'])
    await layer.groupDiscard('group', two)
    await layer.groupAdd('group', two)
    expect(layer.asked).toEqual(['enter group', 'leave group', 'enter group'])
  })

  it('is called for every group whose last member was a detached channel', async () => {
    const layer = new RecordingLayer()
    const [one, two] = [attachNew(layer), attachNew(layer)]
    await layer.groupAdd('shared', one)
    await layer.groupAdd('shared', two)
    await layer.groupAdd('own', one)
    layer.asked.length = 0
    await layer.detach(one)
    expect(layer.asked).toEqual(['leave own'])
  })

  it('is called for a group whose last member has expired', async () => {
    const layer = new RecordingLayer({ groupExpiry: 0.02 })
    await layer.groupAdd('aged', layer.newChannel())
    await expect.poll(() => layer.asked, { timeout: 5000 }).toEqual(['enter aged', 'leave aged'])
    const unread = new RecordingLayer({ expiry: 0.02 })
    await unread.groupAdd('unread', unread.newChannel())
    await unread.groupSend('unread', { type: 'a' })
    await expect.poll(() => unread.asked, { timeout: 5000 }).toEqual(['enter unread', 'leave unread'])
  })

  it('is flushed and closed while the layer still has the groups of the process', async () => {
    const layer = new RecordingLayer()
    const channel = attachNew(layer)
    await layer.groupAdd('one', channel)
    await layer.groupAdd('two', channel)
    await layer.flush()
    expect(layer.stats().groups).toBe(0)
    await layer.groupAdd('three', channel)
    await Promise.all([layer.close(), layer.close()])
    expect(layer.asked.filter((what) => what.includes('with'))).toEqual(['flush with one,two', 'close with three'])
    expect(layer.stats().groups).toBe(0)
  })

  it('is not called for consumers that detach while it closes or after', async () => {
    const layer = new RecordingLayer()
    const channel = attachNew(layer)
    await layer.groupAdd('group', channel)
    const closed = layer.close()
    await layer.detach(channel)
    await closed
    expect(layer.asked).toEqual(['enter group', 'close with group'])
  })
})

describe('a group while it is entered', () => {
  it('delays all joins until it is entered', async () => {
    const layer = new RecordingLayer()
    const entered = deferred()
    layer.enter = () => entered.promise
    const joined: string[] = []
    const joins = ['first', 'second'].map((name) =>
      layer.groupAdd('group', attachNew(layer)).then(() => joined.push(name)),
    )
    await new Promise((resolve) => setImmediate(resolve))
    expect(joined).toEqual([])
    entered.resolve()
    await Promise.all(joins)
    expect(joined).toEqual(['first', 'second'])
    expect(layer.asked).toEqual(['enter group'])
    await layer.groupAdd('group', attachNew(layer))
  })

  it('removes all channels that joined if it cannot be entered, and is entered again for the next one', async () => {
    const layer = new RecordingLayer()
    const error = new Error('unreachable')
    const entered = deferred()
    layer.enter = () => entered.promise
    const channels = [attachNew(layer), attachNew(layer)]
    const joins = channels.map((channel) => layer.groupAdd('group', channel))
    entered.reject(error)
    for (const join of joins) await expect(join).rejects.toBe(error)
    expect(layer.stats().groups).toBe(0)
    layer.enter = () => {}
    await layer.groupAdd('group', channels[0]!)
    expect(layer.asked).toEqual(['enter group', 'enter group'])
    expect(layer.stats().groups).toBe(1)
  })

  it('keeps a channel that joined again before an earlier entry failed', async () => {
    const layer = new RecordingLayer()
    const entries = [deferred(), deferred()]
    let attempt = 0
    layer.enter = () => entries[attempt++]!.promise
    const channel = attachNew(layer)
    const first = layer.groupAdd('group', channel)
    const left = layer.groupDiscard('group', channel)
    const second = layer.groupAdd('group', channel)
    entries[0]!.reject(new Error('late'))
    entries[1]!.resolve()
    await expect(first).rejects.toThrow('late')
    await left
    await second
    expect(layer.stats().groups).toBe(1)
  })

  it('does not reject a leave of an expired group if the engine cannot be reached', async () => {
    const layer = new RecordingLayer({ groupExpiry: 0.02 })
    layer.leave = () => Promise.reject(new Error('unreachable'))
    await layer.groupAdd('group', layer.newChannel())
    await expect.poll(() => layer.asked, { timeout: 5000 }).toEqual(['enter group', 'leave group'])
  })
})
