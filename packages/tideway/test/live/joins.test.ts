import { AsyncLocalStorage } from 'node:async_hooks'
import { authExpiry, Revocations, tokenMiddleware } from 'tideway/auth'
import { LiveConsumer, request, type Authorization, type LiveGroup } from 'tideway/live'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { z } from 'zod'
import { patiently } from '../../../../test/setup/patiently.ts'
import { gate, type Gate } from '../consumer/ending.ts'
import { settled } from '../consumer/following.ts'
import { LiveTest, offsetOf, type LiveClient } from './live-client.ts'
import { Chat, room } from './room.ts'

/** Answers as the test says, and notes the calls of its hooks. */
class Asked extends Chat {
  static authorization: (group: LiveGroup) => unknown = () => true
  static state: (group: LiveGroup) => unknown = () => undefined
  static calls: string[] = []

  override authorize(group: LiveGroup): boolean {
    Asked.calls.push(`authorize ${group.id}`)
    return Asked.authorization(group) as boolean
  }

  override snapshot(group: LiveGroup): unknown {
    Asked.calls.push(`snapshot ${group.id}`)
    return Asked.state(group)
  }
}

function start(
  authorization: (group: LiveGroup) => unknown = () => true,
  state: (group: LiveGroup) => unknown = () => undefined,
): LiveTest {
  Asked.authorization = authorization
  Asked.state = state
  Asked.calls = []
  return new LiveTest()
}
const asked = Asked.asApplication()

async function publish(test: LiveTest, ...texts: readonly string[]): Promise<string[]> {
  const positions: string[] = []
  for (const text of texts) positions.push((await room('lobby').publish(test.layer, 'said', { text })).position)
  return positions
}

/** Holds the reads of the log until the gate opens. */
function slowReads(test: LiveTest): { readonly read: Gate; readonly calls: () => number } {
  const { keptGroups } = test.layer
  const read = gate()
  const follow = keptGroups.follow.bind(keptGroups)
  let calls = 0
  keptGroups.follow = async (...args) => {
    calls++
    await read.opened
    return follow(...args)
  }
  return { read, calls: () => calls }
}

/** The texts of the next events. */
async function texts(client: LiveClient, count: number): Promise<unknown[]> {
  return (await client.take(count)).map(({ d }) => (d as { text: string } | undefined)?.text)
}

describe('authorize()', () => {
  it('denies by default', async () => {
    class Default extends LiveConsumer<{}, {}> {
      static override groups = { room }
    }
    const client = await new LiveTest().connect(Default.asApplication())
    expect(await client.join('room.lobby')).toMatchObject({ t: 'left', code: 'forbidden' })
  })

  it.each([
    ['false', false],
    ['nothing', undefined],
    ['null', null],
    ['a number', 1],
    ['a text', 'yes'],
    ['a promise of false', Promise.resolve(false)],
  ])('denies with %s, before anything is read', async (_what, answer) => {
    const test = start(() => answer)
    const { calls } = slowReads(test)
    const client = await test.connect(asked)
    expect(await client.join('room.lobby')).toMatchObject({ t: 'left', code: 'forbidden' })
    expect([calls(), Asked.calls]).toEqual([0, ['authorize lobby']])
  })

  it('is asked at every join and every resume, with the group as the client has named it', async () => {
    const groups: LiveGroup[] = []
    const test = start((group) => groups.push(group) < 3)
    const client = await test.connect(asked)
    const { at } = await client.join('room.café.b')
    expect(await client.join('room.café.b', { since: at })).toMatchObject({ recovered: true })
    const next = await test.open(asked)
    expect(await next.hello({ 'room.café.b': { since: at } })).toMatchObject([{ code: 'forbidden' }])
    expect(groups[2]).toMatchObject({ family: 'room', id: 'café.b', name: room('café.b').name })
  })

  it.each([
    [
      'throws',
      () => {
        throw new Error('no database')
      },
      /no database/,
    ],
    ['rejects', () => Promise.reject(new Error('no database')), /no database/],
    ['returns a history that is not a number of events', () => ({ history: -1 }), /history of authorize/],
    ['never answers', () => new Promise(() => {}), /authorize\(\) has not answered within 1 ms/],
  ])('makes the group unavailable and is logged if it %s', async (_what, authorization, message) => {
    class Impatient extends Asked {
      static override authorizeTimeoutMs = 1
    }
    const test = start(authorization)
    const client = await test.connect(Impatient.asApplication())
    expect(await client.join('room.lobby')).toMatchObject({ t: 'left', code: 'unavailable' })
    expect(test.logger.errors).toEqual([expect.objectContaining({ message: expect.stringMatching(message) as string })])
    expect(test.followers).toBe(0)
    expect(await client.nothing()).toEqual({ t: 'pong' })
  })

  it('bounds the events of the time before the join, in joins and in resumes', async () => {
    const test = start(() => ({ history: 2 }))
    const [first, second, third] = await publish(test, '1', '2', '3')
    const client = await test.connect(asked)
    expect(offsetOf(await client.join('room.lobby', { last: 3 }))).toBe(1)
    expect(await texts(client, 2)).toEqual(['2', '3'])
    expect(await client.join('room.lobby', { since: second })).toMatchObject({ recovered: true, at: second })
    expect(await texts(client, 1)).toEqual(['3'])
    expect(await client.join('room.lobby', { since: first })).toMatchObject({ recovered: true, at: first })
    expect(await texts(client, 2)).toEqual(['2', '3'])
    const [epoch] = first!.split(':')
    const refused = await client.join('room.lobby', { since: `${epoch}:0`, last: 1 })
    expect(refused).toMatchObject({ recovered: false, why: 'refused', at: second, top: third })
    expect(await texts(client, 1)).toEqual(['3'])
    expect(test.followers).toBe(1)
  })

  it('runs in the async context of the connection', async () => {
    const storage = new AsyncLocalStorage<string>()
    const seen: unknown[] = []
    const test = start(
      () => seen.push(storage.getStore()) > 0,
      () => seen.push(storage.getStore()),
    )
    const client = await storage.run('mine', () =>
      test.connect((scope, receive, send) => storage.run('of the connection', () => asked(scope, receive, send))),
    )
    await client.join('room.lobby')
    await test.layer.flush()
    expect(await client.next()).toMatchObject({ t: 'reset' })
    expect(seen).toEqual(['of the connection', 'of the connection', 'of the connection'])
  })
})

describe('snapshot()', () => {
  it('is called after the position is taken, so that no event is missing between them', async () => {
    const test = start(
      () => true,
      async () => {
        await publish(test, 'during')
        return { count: 1 }
      },
    )
    const client = await test.connect(asked)
    const joined = await client.join('room.lobby')
    expect(joined).toMatchObject({ snapshot: { count: 1 }, recovered: false })
    expect(offsetOf(joined)).toBe(0)
    expect(await texts(client, 1)).toEqual(['during'])
  })

  it('is not called for a join that continues', async () => {
    const test = start()
    const [position] = await publish(test, '1')
    const client = await test.connect(asked)
    expect(await client.join('room.lobby', { since: position })).not.toHaveProperty('snapshot')
    expect(Asked.calls).toEqual(['authorize lobby'])
  })

  it.each([
    [
      'throws',
      () => {
        throw new Error('no database')
      },
    ],
    ['returns what JSON cannot represent', () => new Date(0)],
  ])('makes the group unavailable and is logged if it %s', async (_what, state) => {
    const test = start(() => true, state)
    const client = await test.connect(asked)
    expect(await client.join('room.lobby')).toMatchObject({ t: 'left', code: 'unavailable' })
    expect([test.logger.errors.length, test.followers]).toEqual([1, 0])
  })

  it('ends the join if it throws after a reset', async () => {
    let calls = 0
    const test = start(
      () => true,
      () => {
        if (++calls > 1) throw new Error('no database')
      },
    )
    const client = await test.connect(asked)
    await client.join('room.lobby')
    await test.layer.flush()
    expect(await client.next()).toMatchObject({ t: 'left', code: 'unavailable' })
    expect(test.followers).toBe(0)
  })
})

describe('a join', () => {
  const stages = [
    ['authorize() answers', 1],
    ['the log is read', 2],
    ['snapshot() answers', 3],
  ] as const

  /** A join that waits in a stage until the returned function is called. */
  async function waitingIn(stage: 1 | 2 | 3) {
    const wait = gate()
    const test = start(
      () => (stage === 1 ? wait.opened.then(() => true) : true),
      () => (stage === 3 ? wait.opened : 1),
    )
    const reads = stage === 2 ? slowReads(test) : undefined
    const client = await test.connect(asked)
    client.send({ t: 'join', g: 'room.lobby' })
    await patiently(() => {
      expect(Asked.calls.length + (reads?.calls() ?? 0)).toBe(stage === 1 ? 1 : 2)
    })
    const goOn = async (): Promise<void> => {
      wait.open()
      reads?.read.open()
      await settled()
      await publish(test, 'late')
    }
    return { test, client, goOn }
  }

  it.each(stages)('leaves no follower if the connection ends before %s', async (_when, stage) => {
    const { test, client, goOn } = await waitingIn(stage)
    await client.communicator.disconnect()
    await goOn()
    expect([test.followers, test.logger.complaints]).toEqual([0, []])
  })

  it.each(stages)('leaves no follower if the client leaves before %s', async (_when, stage) => {
    const { test, client, goOn } = await waitingIn(stage)
    client.send({ t: 'leave', g: 'room.lobby' })
    expect(await client.next()).toEqual({ t: 'left', g: 'room.lobby' })
    await goOn()
    expect([test.followers, test.logger.complaints]).toEqual([0, []])
    expect(await client.nothing()).toEqual({ t: 'pong' })
  })

  it('works if the group is left and joined again while the first join opens', async () => {
    const test = start()
    await publish(test, '1', '2')
    const { read, calls } = slowReads(test)
    const client = await test.connect(asked)
    client.send({ t: 'join', g: 'room.lobby', last: 2 })
    await patiently(() => expect(calls()).toBe(1))
    client.send({ t: 'leave', g: 'room.lobby' }, { t: 'join', g: 'room.lobby', last: 1 })
    await patiently(() => expect(calls()).toBe(2))
    read.open()
    const [left, joined] = await client.take(2)
    expect([left, joined]).toMatchObject([{ t: 'left' }, { t: 'joined' }])
    expect(await texts(client, 1)).toEqual(['2'])
    await publish(test, '3')
    expect(await texts(client, 1)).toEqual(['3'])
    expect(test.followers).toBe(1)
  })

  it('sends live events after those that the client has missed', async () => {
    const test = start()
    const [first] = await publish(test, '1', '2', '3')
    const client = await test.connect(asked)
    client.send({ t: 'join', g: 'room.lobby', since: first })
    await publish(test, '4', '5')
    expect(await client.next()).toMatchObject({ t: 'joined', recovered: true })
    expect(await texts(client, 4)).toEqual(['2', '3', '4', '5'])
  })

  it('resumes for a client that is cut off three times before its first event', async () => {
    const test = start()
    const [first] = await publish(test, '1', '2', '3')
    for (let cut = 0; cut < 3; cut++) {
      const client = await test.open(asked)
      client.send({ t: 'hello', v: 1, groups: { 'room.lobby': { since: first } } })
      await client.communicator.disconnect(1006)
    }
    const client = await test.connect(asked)
    expect(await client.join('room.lobby', { since: first })).toMatchObject({ recovered: true })
    expect(await texts(client, 2)).toEqual(['2', '3'])
    expect(test.followers).toBe(1)
  })

  it('delivers on two connections of one client, whose older one is not yet known to be lost', async () => {
    const test = start()
    const older = await test.connect(asked)
    const { at } = await older.join('room.lobby')
    await publish(test, '1')
    const newer = await test.connect(asked)
    expect(await newer.join('room.lobby', { since: at })).toMatchObject({ recovered: true })
    await publish(test, '2')
    expect([await texts(older, 2), await texts(newer, 2)]).toEqual([
      ['1', '2'],
      ['1', '2'],
    ])
    await older.communicator.disconnect(1006)
    await publish(test, '3')
    expect(await texts(newer, 1)).toEqual(['3'])
  })

  it('reads the log at most twice for many clients that resume a group at once', async () => {
    const test = start()
    const [first] = await publish(test, '1', '2', '3')
    const clients = await Promise.all(Array.from({ length: 300 }, () => test.connect(asked)))
    const joined = await Promise.all(clients.map((client) => client.join('room.lobby', { since: first })))
    expect(joined.every(({ recovered }) => recovered === true)).toBe(true)
    expect(await Promise.all(clients.map((client) => texts(client, 2)))).toEqual(clients.map(() => ['2', '3']))
    expect(test.layer.keptGroups.stats().reads).toBeLessThanOrEqual(2)
  })

  it('is unavailable while the log cannot be read, without a line in the log for each client', async () => {
    const test = start()
    await test.layer.close()
    const client = await test.connect(asked)
    expect(await client.join('room.lobby', { since: 'a:1' })).toMatchObject({ t: 'left', code: 'unavailable' })
  })

  it('ends with the authentication of the connection', async () => {
    const test = start()
    const revocations = new Revocations(test.layer)
    onTestFinished(() => revocations.close())
    const user = { id: 7, username: 'ann', isAuthenticated: true }
    const client = await test.connect(authExpiry(asked as never, { revocations, checkIntervalMs: false }) as never, {
      user,
    })
    await client.join('room.lobby')
    expect(test.followers).toBe(1)
    await revocations.revoke(7)
    expect(await client.communicator.receiveClose()).toMatchObject({ code: 4401 })
    await publish(test, 'secret')
    await client.communicator.disconnect()
    expect([test.followers, test.logger.complaints]).toEqual([0, []])
  })
})

describe('the hooks of a live consumer', () => {
  class Hooked extends Asked {
    override async onJoin({ id }: LiveGroup) {
      Asked.calls.push(`join ${id}`)
      await Hooked.joining?.opened
      Asked.calls.push(`joined ${id}`)
    }
    override onLeave({ id }: LiveGroup) {
      Asked.calls.push(`leave ${id}`)
      if (id === 'broken') throw new Error('broken hook')
    }
    override disconnect() {
      Asked.calls.push('disconnect')
    }
    static joining: Gate | undefined
    hooks = request(z.undefined(), () => Asked.calls.filter((call) => !call.startsWith('authorize')))
  }
  const hooked = Hooked.asApplication()

  it('alternate for each group, also if a join is replaced or the connection ends', async () => {
    Hooked.joining = undefined
    const test = start()
    const client = await test.connect(hooked)
    await client.join('room.a')
    await client.join('room.a')
    client.send({ t: 'leave', g: 'room.a' }, { t: 'leave', g: 'room.a' })
    await client.take(2)
    await client.join('room.a')
    await client.join('room.b')
    await client.communicator.disconnect()
    const calls = Asked.calls.filter((call) => /^(join|leave|disconnect)/.test(call))
    expect(calls.filter((call) => call.endsWith(' a') || call === 'disconnect')).toEqual([
      'join a',
      'joined a',
      'leave a',
      'join a',
      'joined a',
      'leave a',
      'disconnect',
    ])
    expect(calls).toContain('leave b')
  })

  it('are called one after the other for a group, while events arrive', async () => {
    Hooked.joining = gate()
    const test = start()
    const client = await test.connect(hooked)
    await client.join('room.lobby')
    await publish(test, '1')
    expect(await texts(client, 1)).toEqual(['1'])
    client.send({ t: 'leave', g: 'room.lobby' })
    await client.next()
    expect(Asked.calls.at(-1)).toBe('join lobby')
    const ended = client.communicator.disconnect()
    await settled()
    Hooked.joining.open()
    await ended
    expect(Asked.calls.slice(-3)).toEqual(['joined lobby', 'leave lobby', 'disconnect'])
  })

  it('are not called for a join that is refused', async () => {
    Hooked.joining = undefined
    const test = start(() => false)
    const client = await test.connect(hooked)
    await client.join('room.lobby')
    await client.communicator.disconnect()
    expect(Asked.calls).toEqual(['authorize lobby', 'disconnect'])
  })

  it('are logged if they throw, and the connection stays', async () => {
    Hooked.joining = undefined
    const test = start()
    const client = await test.connect(hooked)
    await client.join('room.broken')
    client.send({ t: 'leave', g: 'room.broken' })
    expect(await client.next()).toEqual({ t: 'left', g: 'room.broken' })
    expect(test.logger.errors).toEqual([expect.objectContaining({ message: 'broken hook' })])
    expect(await client.nothing()).toEqual({ t: 'pong' })
  })
})

describe('a live consumer', () => {
  it('refuses a client that does not offer the subprotocol, with the reason', async () => {
    const client = await new LiveTest().open(Chat.asApplication(), {}, ['v1.chat'])
    const answer = await client.communicator.connect()
    expect(answer).toMatchObject({
      accepted: false,
      status: 403,
      text: 'This path speaks the WebSocket subprotocol tideway.v1.json, which the client must offer.',
    })
  })

  it('accepts its subprotocol from a client that also offers a bearer token', async () => {
    const application = tokenMiddleware(Chat.asApplication(), {
      verify: (token) => Promise.resolve({ subject: token, expiresAt: undefined, claims: {} }),
      users: { findById: (id) => Promise.resolve({ id, username: 'ann', isAuthenticated: true }) },
    })
    const client = await new LiveTest().open(application, {}, ['tideway.v1.json', 'bearer', 'TOKEN'])
    expect(await client.communicator.connect()).toMatchObject({ accepted: true, subprotocol: 'tideway.v1.json' })
  })

  it('sends move when the server drains, and after hi if the drain began before hello', async () => {
    const test = new LiveTest()
    const onDrain = vi.fn<(listener: (withinMs: number) => void) => void>()
    const early = await test.open(Chat.asApplication(), { onDrain })
    onDrain.mock.calls[0]![0](60_000)
    await early.hello()
    const { t, within } = await early.next()
    expect(t).toBe('move')
    expect(within).toBeGreaterThan(0)
    expect(within).toBeLessThanOrEqual(60_000)
    onDrain.mock.calls[0]![0](4999.6)
    expect(await early.next()).toEqual({ t: 'move', within: 5000 })
  })

  it.each([
    [
      'a group whose key is not its name',
      { groups: { lobby: room } },
      /Wrong\.groups\.lobby must be the declaration defineGroup\('lobby'/,
    ],
    ['a group that is not a declaration', { groups: { room: {} } }, /groups\.room/],
    ['no number of groups', { maxGroups: 0 }, /Wrong\.maxGroups must be a whole number/],
    ['a rate of 0', { joinsPerSecond: 0 }, /joinsPerSecond/],
    ['a fraction of a join', { joinBurst: 0.5 }, /joinBurst/],
    ['no time for authorize()', { authorizeTimeoutMs: 0 }, /authorizeTimeoutMs/],
    ['no requests', { maxRequests: Infinity }, /maxRequests/],
    ['a wait that is not finite', { repeatTimeoutMs: Infinity }, /repeatTimeoutMs/],
    ['a time to hello that is too long for a timer', { helloTimeoutMs: 2 ** 31 }, /helloTimeoutMs/],
  ])('cannot be made with %s', (_what, settings, message) => {
    class Wrong extends Chat {}
    Object.assign(Wrong, settings)
    expect(() => Wrong.asApplication()).toThrow(
      expect.objectContaining({ code: 'ERR_BAD_OPTION', message: expect.stringMatching(message) as string }),
    )
  })

  it('has the bounds of the specification', async () => {
    const test = start()
    const client = await test.connect(asked)
    const groups = Array.from({ length: 102 }, (_, index) => `room.${index}`)
    const answers: unknown[] = []
    for (const g of groups.slice(0, 100)) answers.push((await client.join(g))['t'])
    expect(answers).toEqual(groups.slice(0, 100).map(() => 'joined'))
    expect(Asked.calls).toHaveLength(200)
    // The rate is checked first. Either of the two bounds refuses it, and authorize() is not asked.
    expect((await client.join(groups[100]!))['code']).toMatch(/too_many_groups|rate_limited/)
    expect(Asked.calls).toHaveLength(200)
  })

  it('allows as many joins at once as joinBurst, and then joinsPerSecond', async () => {
    class Slow extends Asked {
      static override joinBurst = 2
      static override joinsPerSecond = 50
    }
    const test = start()
    const client = await test.connect(Slow.asApplication())
    client.send(...['a', 'b', 'c'].map((id) => ({ t: 'join', g: `room.${id}` })))
    const answers = await client.take(3)
    expect(answers.find(({ g }) => g === 'room.c')).toMatchObject({ code: 'rate_limited' })
    expect(answers.filter(({ t }) => t === 'joined')).toHaveLength(2)
    await patiently(async () => expect((await client.join('room.c'))['t']).toBe('joined'))
  })

  it('allows a group id of 256 characters', async () => {
    const test = start()
    const client = await test.connect(asked)
    const g = `room.${'é'.repeat(256)}`
    expect(await client.join(g)).toMatchObject({ t: 'joined', g })
    expect(await client.join(`${g}é`)).toMatchObject({ t: 'left', code: 'unknown_group' })
  })

  it('does not send the events of a group to a client before `joined`, nor of another group', async () => {
    const test = start(async (): Promise<Authorization> => true)
    const client = await test.connect(asked)
    client.send({ t: 'join', g: 'room.lobby' }, { t: 'join', g: 'room.other' })
    await publish(test, '1')
    await room('third').publish(test.layer, 'said', { text: 'elsewhere' })
    const frames = await client.take(2)
    expect(frames.map(({ t }) => t)).toEqual(['joined', 'joined'])
  })
})
