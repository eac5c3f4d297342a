import { AsyncLocalStorage } from 'node:async_hooks'
import { Consumer, InMemoryChannelLayer, WebSocketConsumer, type ChannelLayer, type TidewayError } from 'tideway'
import type { Application, ChannelScope } from 'tideway/asgi'
import type { EventInfo, FollowAnswer, WebSocketConsumerScope } from 'tideway/consumer'
import { WebSocketCommunicator } from 'tideway/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import { gate } from './ending.ts'
import { Kept, Reader, settled, texts, upTo } from './following.ts'

const follow = async (client: WebSocketCommunicator, options: object = {}): Promise<FollowAnswer> => {
  await client.sendTo(JSON.stringify(options))
  const answer = JSON.parse(String(await client.receiveFrom())) as FollowAnswer
  // Volatile events are dropped until the first event may come.
  await settled()
  return answer
}

describe('follow() of a consumer', () => {
  it('resolves with where it begins, and passes the events after it to their handlers', async () => {
    const kept = new Kept()
    await kept.say(1, 2, 3)
    const client = await kept.connect(Reader.asApplication())
    const answer = await follow(client, { last: 2 })
    expect(answer).toMatchObject({ recovered: false })
    expect([answer.position, answer.top].map((text) => text.replace(/^[\w-]+/, ''))).toEqual([':1', ':3'])
    await kept.say({ text: 'hi' })
    expect(await texts(client, 3)).toEqual(['2 at 2', '3 at 3', '{"text":"hi"} at 4'])
  })

  it('continues a position of another connection without a hole', async () => {
    const kept = new Kept()
    const { top } = await follow(await kept.connect(Reader.asApplication()))
    await kept.say(1, 2)
    const client = await kept.connect(Reader.asApplication())
    expect(await follow(client, { since: top })).toMatchObject({ recovered: true, position: top })
    expect(await texts(client, 2)).toEqual(['1 at 1', '2 at 2'])
  })

  it('resolves with the reason if the log does not continue the position', async () => {
    const kept = new Kept()
    const client = await kept.connect(Reader.asApplication())
    const { top } = await follow(client)
    expect(await follow(client, { since: 'other:5' })).toMatchObject({ recovered: false, why: 'epoch', position: top })
  })

  it.each(['5', 'other:', ':5', 'other:-1', 'other:1e3', 5, null, {}])('rejects the position %j', async (since) => {
    const kept = new Kept()
    const client = await kept.connect(Reader.asApplication())
    await client.sendTo(JSON.stringify({ since }))
    expect(await client.receiveFrom()).toBe('ERR_BAD_POSITION')
  })

  it('gets every event in order while a handler is slow', async () => {
    const kept = new Kept()
    const slow = gate()
    const got: unknown[] = []
    class Slow extends Reader {
      override async onSaid(data: unknown) {
        if (data === 1) await slow.opened
        got.push(data)
        if (data === 500) await this.send({ text: 'all' })
      }
    }
    const client = await kept.connect(Slow.asApplication())
    await follow(client)
    await kept.say(...upTo(500))
    expect(got).toEqual([])
    expect(kept.layer.keptGroups.stats().worstLag).toBeGreaterThan(490)
    slow.open()
    await client.receiveFrom()
    expect(got).toEqual(upTo(500))
  })

  it('lets two consumers handle the events of a group at different speeds', async () => {
    const kept = new Kept()
    const slow = gate()
    class Slow extends Reader {
      override async onSaid(data: unknown, at: EventInfo) {
        await slow.opened
        await super.onSaid(data, at)
      }
    }
    const [quickClient, slowClient] = [
      await kept.connect(Reader.asApplication()),
      await kept.connect(Slow.asApplication()),
    ]
    for (const client of [quickClient, slowClient]) await follow(client)
    await kept.say(...upTo(50))
    const expected = upTo(50).map((n) => `${n} at ${n}`)
    expect(await texts(quickClient, 50)).toEqual(expected)
    expect(await slowClient.receiveNothing()).toBe(true)
    slow.open()
    expect(await texts(slowClient, 50)).toEqual(expected)
  })

  it('handles one event at a time, together with messages of the channel and of the client', async () => {
    const kept = new Kept()
    let running = 0
    const log: string[] = []
    class Careful extends Reader {
      override readonly groups = ['all']
      async #step(what: string) {
        expect(++running).toBe(1)
        await settled()
        running--
        log.push(what)
        if (log.length === 40) await this.send({ text: 'done' })
      }
      override onSaid(data: unknown) {
        return this.#step(`said ${String(data)}`)
      }
      onNote({ n }: { n: number }) {
        return this.#step(`note ${n}`)
      }
    }
    const client = await kept.connect(Careful.asApplication())
    await follow(client)
    for (const n of upTo(20)) {
      await kept.say(n)
      await kept.layer.groupSend('all', { type: 'note', n })
    }
    expect(await client.receiveFrom(5000)).toBe('done')
    for (const kind of ['said', 'note']) {
      expect(log.filter((line) => line.startsWith(kind))).toEqual(upTo(20).map((n) => `${kind} ${n}`))
    }
  })

  it('passes on what a handler itself publishes', async () => {
    const kept = new Kept()
    class Counter extends Reader {
      override onSaid(data: unknown, at: EventInfo) {
        if ((data as number) < 10) void kept.say((data as number) + 1)
        return super.onSaid(data, at)
      }
    }
    const clients = [await kept.connect(Counter.asApplication()), await kept.connect(Reader.asApplication())]
    for (const client of clients) await follow(client)
    await kept.say(1)
    for (const client of clients) expect(await texts(client, 10)).toEqual(upTo(10).map((n) => `${n} at ${n}`))
  })

  it('passes all followers of the process the same frozen data and the same frozen source', async () => {
    const kept = new Kept()
    const got: [unknown, EventInfo][] = []
    class Keeper extends Reader {
      override onSaid(data: unknown, at: EventInfo) {
        got.push([data, at])
      }
    }
    const clients = [await kept.connect(Keeper.asApplication()), await kept.connect(Keeper.asApplication())]
    for (const client of clients) await follow(client)
    await kept.publish({ e: 'said', d: { tags: [{ a: 1 }] }, id: 'order-1' })
    await settled()
    const [[data, at], [otherData, otherAt]] = got as [[{ tags: object[] }, EventInfo], [object, EventInfo]]
    expect(at).toEqual({ group: 'g', position: expect.stringMatching(/:1$/) as string, id: 'order-1' })
    expect([otherData, otherAt].map((value, i) => value === [data, at][i])).toEqual([true, true])
    expect([data, data.tags, data.tags[0], at].every((value) => Object.isFrozen(value))).toBe(true)
  })

  it('runs a static handler once per event, whose result is encoded once for all followers', async () => {
    const kept = new Kept()
    let calls = 0
    let encoded = 0
    class Shared extends WebSocketConsumer<{}, {}> {
      static onSaid(data: unknown, { position }: EventInfo) {
        calls++
        return { text: `${String(data)} at ${position!.split(':')[1]}` }
      }
      override async connect() {
        await this.follow('g')
        await this.accept()
      }
      onReset() {}
      protected override sharedEvent(returned: unknown) {
        encoded++
        return super.sharedEvent(returned)
      }
    }
    const clients: WebSocketCommunicator[] = []
    for (let i = 0; i < 20; i++) clients.push(await kept.connect(Shared.asApplication()))
    // The same data twice are two events.
    await kept.say('a', 'a')
    for (const client of clients) expect(await texts(client, 2)).toEqual(['a at 1', 'a at 2'])
    expect([calls, encoded]).toEqual([2, 2])
  })

  it('calls onReset() if the log has moved past a busy consumer, and continues with the newest events', async () => {
    const kept = new Kept()
    kept.layer = new InMemoryChannelLayer({ keptGroups: { ringEntries: 2 } })
    const slow = gate()
    class Slow extends Reader {
      override async onSaid(data: unknown, at: EventInfo) {
        await slow.opened
        await super.onSaid(data, at)
      }
    }
    const client = await kept.connect(Slow.asApplication())
    await follow(client, { last: 1 })
    for (const d of upTo(300)) await kept.publish({ e: 'said', d }, { size: 5 })
    slow.open()
    const got = await texts(client, 4)
    expect(got).toEqual(['1 at 1', '2 at 2', 'reset of g: trimmed at 299', '300 at 300'])
  })

  it('skips events without a handler and entries of another form, and warns once of each', async () => {
    const kept = new Kept()
    const application = Reader.asApplication()
    const clients = [await kept.connect(application), await kept.connect(application)]
    for (const client of clients) await follow(client)
    for (const d of [1, 2]) await kept.publish({ e: 'siad', d })
    for (const body of ['not JSON', '{"e":""}', '[]', 'null', '{"e":"said","id":1}']) {
      await kept.layer.keptGroups.publish('g', body)
    }
    // Its method would be the handler of resets.
    await kept.publish({ e: 'reset', d: 1 })
    await kept.say('last')
    for (const client of clients) expect(await client.receiveFrom()).toBe('"last" at 9')
    expect(kept.logger.messages('warn')).toEqual([
      'Reader has no handler for events of type "siad": add onSiad(). It has onSaid()',
      expect.stringContaining('Reader follows a group with an entry that is not an event'),
      'Reader has no handler for events of type "reset", and cannot have one',
    ])
  })

  it('passes volatile events on without a position, and an equal one again', async () => {
    const kept = new Kept()
    let calls = 0
    class Typing extends Reader {
      static onTyping(data: unknown, at: EventInfo) {
        calls++
        return { text: `${String(data)} ${String(at.position)}` }
      }
    }
    const clients = [await kept.connect(Typing.asApplication()), await kept.connect(Typing.asApplication())]
    for (const client of clients) await follow(client)
    for (let i = 0; i < 2; i++) {
      await kept.layer.keptGroups.publishVolatile('g', JSON.stringify({ e: 'typing', d: 'ann' }))
      await settled()
    }
    for (const client of clients) expect(await texts(client, 2)).toEqual(['ann undefined', 'ann undefined'])
    expect(calls).toBe(2)
  })

  it('delivers events in the async context of the connection', async () => {
    const kept = new Kept()
    const storage = new AsyncLocalStorage<string>()
    class Knowing extends Reader {
      override onSaid() {
        return this.send({ text: storage.getStore() ?? 'none' })
      }
    }
    const inner = Knowing.asApplication()
    const application: Application<WebSocketConsumerScope<{}, {}>> = (scope, receive, send) =>
      storage.run('connection', () => inner(scope, receive, send))
    const client = await kept.connect(application)
    await follow(client)
    await storage.run('publisher', () => kept.say(1))
    expect(await client.receiveFrom()).toBe('connection')
  })

  it('works in a consumer of a named channel', async () => {
    const kept = new Kept()
    const got: unknown[] = []
    class Jobs extends Consumer {
      async onStart() {
        await this.follow('g')
      }
      onSaid(data: unknown) {
        got.push(data)
      }
      onReset() {}
    }
    const scope = {
      type: 'channel',
      channel: 'jobs',
      channelLayers: { default: kept.layer },
    } as unknown as ChannelScope
    const started = gate()
    const events = [{ type: 'start' }]
    void Jobs.asApplication()(
      scope,
      () => events.shift() ?? (started.open(), new Promise(() => {})),
      () => {},
    )
    await started.opened
    await settled()
    await kept.say(1, 2)
    await settled()
    expect(got).toEqual([1, 2])
  })
})

describe('follow() of a consumer that cannot follow', () => {
  /** The error of `follow()` with this layer, or of a class. */
  async function errorOf(layer: ChannelLayer | undefined, application = Reader.asApplication()): Promise<unknown> {
    const scope = layer === undefined ? {} : { channelLayers: { default: layer } }
    const client = new WebSocketCommunicator(application, '/', { scope })
    onTestFinished(() => client.disconnect())
    await client.connect()
    await client.sendTo('{}')
    return client.receiveFrom()
  }

  it('rejects without a layer, and with a layer that has no kept groups', async () => {
    const layer = new InMemoryChannelLayer()
    const without = new Proxy(layer, {
      get: (target, key) => (key === 'keptGroups' ? undefined : Reflect.get(target, key)),
    })
    expect(await errorOf(undefined)).toBe('ERR_NO_CHANNEL_LAYER')
    expect(await errorOf(without)).toBe('ERR_NO_KEPT_GROUPS')
  })

  it('rejects in a class without onReset(), which the compiler refuses too', async () => {
    class Incomplete extends WebSocketConsumer<{}, {}> {
      override async receive() {
        // @ts-expect-error onReset is missing.
        await this.follow('g').catch((error: TidewayError) => this.send({ text: `${error.code}: ${error.message}` }))
      }
    }
    expect(await errorOf(new InMemoryChannelLayer(), Incomplete.asApplication())).toBe(
      'ERR_BAD_OPTION: Incomplete follows a group and has no onReset(group, why): add it, to handle missed events.',
    )
  })
})
