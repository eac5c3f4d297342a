import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { promiseHooks } from 'node:v8'
import { ChannelFullError, InMemoryChannelLayer, type Delivery, type Message } from 'tideway/layer'
import { LocalChannels } from 'tideway/layer/kit'
import { MAX_QUEUES } from '../../src/layer/local-channels.ts'
import { MAX_WAITING_SEND_BYTES, MAX_WAITING_SENDS } from '../../src/layer/turn-queue.ts'

/** A receiver that keeps what it is pushed. */
class Inbox {
  readonly messages: Message[] = []

  deliver(message: Message): Delivery {
    this.messages.push(message)
    return 'delivered'
  }

  get types(): string[] {
    return this.messages.map(({ type }) => type)
  }
}

async function groupOf(layer: InMemoryChannelLayer, group: string, count: number): Promise<[string, Inbox][]> {
  const members: [string, Inbox][] = []
  for (let member = 0; member < count; member++) {
    const [channel, inbox] = [layer.newChannel(), new Inbox()]
    layer.attach(channel, inbox)
    await layer.groupAdd(group, channel)
    members.push([channel, inbox])
  }
  return members
}

describe('groupSend() of an in-memory layer', () => {
  it('has the scope of its process', () => {
    expect(new InMemoryChannelLayer().isLocal).toBe(true)
  })

  it('passes all members one and the same frozen object', async () => {
    const layer = new InMemoryChannelLayer()
    const members = await groupOf(layer, 'group', 3)
    await layer.groupSend('group', { type: 'a', list: [{}] })
    const [first, ...others] = members.map(([, inbox]) => inbox.messages[0])
    expect(Object.isFrozen(first)).toBe(true)
    for (const other of others) expect(other).toBe(first)
  })

  it('creates the same number of promises for one member as for a thousand', async () => {
    const layer = new InMemoryChannelLayer()
    const promisesOf = async (group: string): Promise<number> => {
      let made = 0
      const stopCounting = promiseHooks.onInit(() => made++) as () => void
      const sent = layer.groupSend(group, { type: 'a' })
      await sent
      stopCounting()
      return made
    }
    await groupOf(layer, 'small', 1)
    await groupOf(layer, 'large', 1000)
    const small = await promisesOf('small')
    expect(small).toBeLessThan(5)
    expect(await promisesOf('large')).toBe(small)
  })

  it('delivers after the code that calls it, in the order of the calls of all senders', async () => {
    const layer = new InMemoryChannelLayer()
    const [[channel, inbox]] = (await groupOf(layer, 'group', 1)) as [[string, Inbox]]
    void layer.groupSend('group', { type: '1' })
    void layer.send(channel, { type: '2' })
    const last = layer.groupSend('group', { type: '3' })
    expect(inbox.types).toEqual([])
    await last
    expect(inbox.types).toEqual(['1', '2', '3'])
  })

  it('rejects with the error of a receiver that throws, after all members have the message', async () => {
    const layer = new InMemoryChannelLayer()
    const error = new Error('broken receiver')
    const broken = layer.newChannel()
    layer.attach(broken, {
      deliver() {
        throw error
      },
    })
    await layer.groupAdd('group', broken)
    const [[, inbox]] = (await groupOf(layer, 'group', 1)) as [[string, Inbox]]
    await expect(layer.groupSend('group', { type: 'a' })).rejects.toBe(error)
    expect(inbox.types).toEqual(['a'])
    await expect(layer.send(broken, { type: 'a' })).rejects.toBe(error)
  })

  it('does not deliver to a member that another one detaches during the delivery', async () => {
    const layer = new InMemoryChannelLayer()
    const [victim, inbox] = [layer.newChannel(), new Inbox()]
    const remover = layer.newChannel()
    layer.attach(remover, {
      deliver() {
        void layer.detach(victim)
        return 'delivered'
      },
    })
    layer.attach(victim, inbox)
    await layer.groupAdd('group', remover)
    await layer.groupAdd('group', victim)
    await layer.groupSend('group', { type: 'a' })
    expect(inbox.messages).toEqual([])
  })

  it('delivers a chain of messages without a deep stack, and does not block the event loop', async () => {
    const layer = new InMemoryChannelLayer()
    const channel = layer.newChannel()
    let left = 20_000
    let finish!: () => void
    const finished = new Promise<void>((resolve) => (finish = resolve))
    layer.attach(channel, {
      deliver() {
        if (--left === 0) finish()
        else void layer.groupSend('group', { type: 'a' })
        return 'delivered'
      },
    })
    await layer.groupAdd('group', channel)
    let turns = 0
    const ticker = setInterval(() => turns++, 0)
    await layer.groupSend('group', { type: 'a' })
    await finished
    clearInterval(ticker)
    expect(turns).toBeGreaterThan(0)
  })
})

describe('the bounds of an in-memory layer', () => {
  it('queue 100,000 sends, reject the next one, and count it', async () => {
    const layer = new InMemoryChannelLayer()
    const channel = layer.newChannel()
    layer.attach(channel, { deliver: () => 'delivered' })
    const message = { type: 'a' }
    const sends: Promise<void>[] = []
    for (let sent = 0; sent < MAX_WAITING_SENDS; sent++) sends.push(layer.send(channel, message))
    const [send, groupSend] = [layer.send(channel, message), layer.groupSend('group', message)]
    await expect(send).rejects.toThrow(ChannelFullError)
    await groupSend
    expect(layer.stats().dropped.full).toBe(2)
    await Promise.all(sends)
    expect(layer.stats().delivered).toBe(100_000)
    await layer.send(channel, message)
  })

  it('queue 64 MiB of messages, reject the next send, drop and count the next group send, and queue again once drained', async () => {
    const layer = new InMemoryChannelLayer()
    const channel = layer.newChannel()
    layer.attach(channel, { deliver: () => 'delivered' })
    const message = { type: 'a', bytes: new Uint8Array(1024 * 1024 - 100) }
    const sends: Promise<void>[] = []
    for (let bytes = 0; bytes < MAX_WAITING_SEND_BYTES; bytes += message.bytes.byteLength) {
      sends.push(layer.send(channel, message))
    }
    expect(layer.stats().waitingSends).toBe(sends.length)
    const [send, groupSend] = [layer.send(channel, message), layer.groupSend('group', message)]
    await expect(send).rejects.toThrow(ChannelFullError)
    await groupSend
    expect(layer.stats().dropped.full).toBe(2)
    await Promise.all(sends)
    expect(layer.stats()).toMatchObject({ waitingSends: 0, delivered: sends.length })
    await layer.send(channel, message)
  })

  it('keep 10,000 channels without a receiver, and reject the next one', async () => {
    const layer = new InMemoryChannelLayer()
    for (let made = 0; made < MAX_QUEUES; made++) await layer.send(`channel-${made}`, { type: 'a' })
    expect(layer.stats().channels).toBe(10_000)
    const error = {
      code: 'ERR_CHANNEL_FULL',
      channel: 'one-more',
      message: /10000 channels without a receiver/,
    }
    await expect(layer.send('one-more', { type: 'a' })).rejects.toMatchObject({ ...error, message: expect.anything() })
    await expect(layer.send('one-more', { type: 'a' })).rejects.toThrow(error.message)
    await expect(layer.receive('one-more')).rejects.toThrow(error.message)
    await expect(layer.groupAdd('group', 'one-more')).rejects.toThrow(error.message)
    await layer.receive('channel-0')
    await layer.send('one-more', { type: 'a' })
    // Consumers do not count: they have a mailbox and no queue.
    layer.attach(layer.newChannel(), { deliver: () => 'delivered' })
  })

  it('accept an expiry that is longer than the longest timer of Node', async () => {
    const layer = new InMemoryChannelLayer({ expiry: 2 ** 31, groupExpiry: 2 ** 31 })
    const warnings: Error[] = []
    const listen = (warning: Error): number => warnings.push(warning)
    process.on('warning', listen)
    await layer.send('channel', { type: 'a' })
    await new Promise((resolve) => setTimeout(resolve, 5))
    process.off('warning', listen)
    expect(warnings).toEqual([])
    expect(await layer.receive('channel')).toEqual({ type: 'a' })
  })
})

describe('close() of an in-memory layer', () => {
  it('delivers the messages that were sent before', async () => {
    const layer = new InMemoryChannelLayer()
    const [[channel, inbox]] = (await groupOf(layer, 'group', 1)) as [[string, Inbox]]
    const sent = [layer.send(channel, { type: '1' }), layer.groupSend('group', { type: '2' })]
    await layer.close()
    await Promise.all(sent)
    expect(inbox.types).toEqual(['1', '2'])
  })

  it('leaves no timer behind, also after a channel is removed', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    onTestFinished(() => void vi.useRealTimers())
    const layer = new InMemoryChannelLayer()
    const runsTimer = (): boolean => vi.getTimerCount() > 0
    await layer.send('channel', { type: 'a' })
    expect(runsTimer()).toBe(true)
    await layer.receive('channel')
    expect(runsTimer()).toBe(false)
    const channel = layer.newChannel()
    await layer.send(channel, { type: 'a' })
    expect(runsTimer()).toBe(true)
    layer.attach(channel, new Inbox())
    expect(runsTimer()).toBe(false)
    await layer.groupAdd('group', 'waiting')
    expect(runsTimer()).toBe(true)
    await layer.groupDiscard('group', 'waiting')
    expect(runsTimer()).toBe(false)
    await layer.send('channel', { type: 'a' })
    await layer.close()
    expect(runsTimer()).toBe(false)
  })
})

describe('a channel without a receiver', () => {
  it('is removed when it leaves its last group, however often it was added', async () => {
    const layer = new InMemoryChannelLayer()
    await layer.groupAdd('group', 'channel')
    await layer.groupAdd('group', 'channel')
    expect(layer.stats().channels).toBe(1)
    await layer.groupDiscard('group', 'channel')
    expect(layer.stats().channels).toBe(0)
  })

  it('rejects a receiver while a receive() is pending', async () => {
    const layer = new InMemoryChannelLayer()
    const waiting = layer.receive('channel')
    expect(() => layer.attach('channel', new Inbox())).toThrow('Channel "channel" has a receiver already')
    await layer.send('channel', { type: 'a' })
    expect(await waiting).toEqual({ type: 'a' })
    layer.attach('channel', new Inbox())
  })

  it('loses its queue and its groups when it is detached, while pending receive() calls keep waiting', async () => {
    const layer = new InMemoryChannelLayer()
    await layer.send('channel', { type: 'lost' })
    await layer.groupAdd('group', 'channel')
    await layer.detach('channel')
    expect(layer.stats()).toMatchObject({ channels: 0, groups: 0 })
    const waiting = layer.receive('channel')
    await layer.detach('channel')
    await layer.send('channel', { type: 'a' })
    expect(await waiting).toEqual({ type: 'a' })
  })

  it('rejects receive() with a signal that has aborted', async () => {
    const layer = new LocalChannels({ expiryMs: 1000, groupExpiryMs: 1000, capacityOf: () => 1 })
    const reason = new Error('enough')
    await expect(layer.receive('channel', AbortSignal.abort(reason))).rejects.toBe(reason)
    expect(layer.channelCount).toBe(0)
  })
})

describe('flush() of an in-memory layer', () => {
  it('leaves nothing behind that a later detach would take from others', async () => {
    const layer = new InMemoryChannelLayer()
    const [[channel]] = (await groupOf(layer, 'group', 1)) as [[string, Inbox]]
    await layer.flush()
    await layer.groupAdd('group', channel)
    const [[, other]] = (await groupOf(layer, 'group', 1)) as [[string, Inbox]]
    await layer.detach(channel)
    await layer.groupSend('group', { type: 'a' })
    expect(other.types).toEqual(['a'])
    expect(layer.stats().groups).toBe(1)
  })
})

describe('stats() of an in-memory layer', () => {
  it('counts a message as delivered when it is received, and an expired one only as dropped', async () => {
    const layer = new InMemoryChannelLayer()
    await layer.send('channel', { type: 'a' })
    expect(layer.stats().delivered).toBe(0)
    await layer.receive('channel')
    expect(layer.stats().delivered).toBe(1)
    const hasty = new InMemoryChannelLayer({ expiry: 0.02 })
    await hasty.send('channel', { type: 'a' })
    await expect.poll(() => hasty.stats().dropped.expired, { timeout: 5000 }).toBe(1)
    expect(hasty.stats().delivered).toBe(0)
  })

  it('returns a snapshot that does not change afterwards', async () => {
    const layer = new InMemoryChannelLayer()
    const before = layer.stats()
    await groupOf(layer, 'group', 1)
    await layer.groupSend('group', { type: 'a' })
    expect(before).toEqual({
      delivered: 0,
      dropped: { full: 0, expired: 0, unhandled: 0, unavailable: 0, malformed: 0 },
      channels: 0,
      groups: 0,
      waitingSends: 0,
      reconnects: 0,
      gaps: 0,
      beaconMisses: 0,
      keptGroups: before.keptGroups,
    })
    expect(before.keptGroups).toMatchObject({ published: 0, groups: 0, followers: 0 })
  })
})
