import type { SendEventOf, WebSocketScope } from 'tideway/asgi'
import { LiveConsumer } from 'tideway/live'
import { describe, expect, it } from 'vitest'
import { patiently } from '../../../../test/setup/patiently.ts'
import { framePrefix } from '../../src/live/entry-frame.ts'
import { eventFrame, volatileFrame } from '../../src/live/event-frame.ts'
import { gate, type Gate } from '../consumer/ending.ts'
import { settled } from '../consumer/following.ts'
import { LiveTest, type Frame } from './live-client.ts'
import { Chat, room } from './room.ts'

type Sent = SendEventOf<WebSocketScope>

/** Keeps what it sends, and waits for the gate while there is one. */
class Recording extends Chat {
  static sent: Sent[] = []
  static slow: Gate | undefined

  protected override sendEvent(event: Sent): void | Promise<void> {
    Recording.sent.push(event)
    const sending = super.sendEvent(event)
    return Recording.slow === undefined ? sending : Recording.slow.opened
  }
}

async function start(): Promise<LiveTest> {
  Recording.sent = []
  Recording.slow = undefined
  return new LiveTest()
}

const say = (test: LiveTest, text: string): Promise<unknown> => room('lobby').publish(test.layer, 'said', { text })

/** The frames of events that were sent. */
function events(): Frame[] {
  return Recording.sent
    .filter((event) => event.type === 'websocket.send')
    .map(({ text }) => JSON.parse(text!) as Frame)
    .filter(({ e }) => e !== undefined)
}

describe('the events of a live consumer', () => {
  it('are one object for all members of a group, live and in a replay', async () => {
    const test = await start()
    const clients = await Promise.all([1, 2, 3].map(() => test.connect(Recording.asApplication())))
    for (const client of clients) await client.join('room.lobby')
    await say(test, '1')
    await room('lobby').publish(test.layer, 'typing', { user: 'ann' })
    for (const client of clients) await client.take(2)
    const late = await test.connect(Recording.asApplication())
    await late.join('room.lobby', { last: 1 })
    await late.next()
    const sent = Recording.sent.filter((event) => event.type === 'websocket.send' && event.text!.includes('"e":'))
    expect(sent).toHaveLength(7)
    expect(new Set(sent).size).toBe(2)
    expect(sent.every((event) => Object.isFrozen(event))).toBe(true)
  })

  it('wait in the log while the client reads slowly, and volatile events are dropped', async () => {
    const test = await start()
    const client = await test.connect(Recording.asApplication())
    await client.join('room.lobby')
    await client.join('room.other')
    Recording.slow = gate()
    for (const text of ['1', '2', '3']) await say(test, text)
    await room('lobby').publish(test.layer, 'typing', { user: 'ann' })
    await room('other').publish(test.layer, 'typing', { user: 'bob' })
    await settled()
    expect(events().map(({ d }) => d)).toEqual([{ text: '1' }])
    const { slow } = Recording
    Recording.slow = undefined
    slow.open()
    expect((await client.take(3)).map(({ d }) => d)).toEqual([{ text: '1' }, { text: '2' }, { text: '3' }])
    await patiently(async () => {
      await room('other').publish(test.layer, 'typing', { user: 'cat' })
      expect(events().at(-1)).toMatchObject({ d: { user: 'cat' } })
    })
    expect(test.layer.keptGroups.stats().volatileDropped).toBeGreaterThanOrEqual(2)
  })

  it('are behind a client that sends without reading its answers: its next frame waits', async () => {
    const test = await start()
    const client = await test.connect(Recording.asApplication())
    Recording.slow = gate()
    client.send({ t: 'ping' }, { t: 'ping' })
    await settled()
    const pongs = (): number =>
      Recording.sent.filter((event) => 'text' in event && event.text === '{"t":"pong"}').length
    expect(pongs()).toBe(1)
    const { slow } = Recording
    Recording.slow = undefined
    slow.open()
    await client.take(2)
    expect(pongs()).toBe(2)
  })

  it('go through sendEvent() of a subclass, and stop with the connection', async () => {
    const test = await start()
    const client = await test.connect(Recording.asApplication())
    await client.join('room.lobby')
    await client.communicator.disconnect(1006)
    const before = Recording.sent.length
    await say(test, '1')
    await settled()
    expect(Recording.sent).toHaveLength(before)
  })
})

describe('a live consumer whose frames cannot be sent', () => {
  it.each([
    ['joined', 'throws'],
    ['said', 'throws'],
    ['answer', 'throws'],
    ['joined', 'rejects'],
    ['said', 'rejects'],
    ['answer', 'rejects'],
  ])('ends its connection and is logged if the send of "%s" %s', async (what, how) => {
    class Broken extends Chat {
      protected override sendEvent(event: Sent): void | Promise<void> {
        if (event.type !== 'websocket.send' || !event.text!.includes(what)) return super.sendEvent(event)
        const error = new Error('broken send')
        if (how === 'rejects') return Promise.reject(error)
        throw error
      }
    }
    const test = new LiveTest()
    const client = await test.connect(Broken.asApplication())
    client.send(what === 'answer' ? { t: 'request', id: 'a', m: 'echo' } : { t: 'join', g: 'room.lobby' })
    await settled()
    await say(test, '1')
    await client.communicator.wait()
    expect(test.logger.complaints.map(({ message }) => message)).toContain('Broken could not send to its client')
    expect(test.followers).toBe(0)
  })
})

describe('the frame of an event', () => {
  const prefix = framePrefix('room."quoted"')
  const parse = (text: string | undefined): unknown => JSON.parse(text!)

  it('has the name of the group, the position and the event as it is in the log', () => {
    const entry = {
      epoch: 'kX3f',
      offset: Number.MAX_SAFE_INTEGER,
      body: '{"e":"said","d":{"text":"\\u2028"},"id":"a"}',
    }
    const { text } = eventFrame(entry, prefix)
    expect(text).toContain('"d":{"text":"\\u2028"}')
    expect(parse(text)).toEqual({
      g: 'room."quoted"',
      at: 'kX3f:9007199254740991',
      e: 'said',
      d: { text: '\u2028' },
      id: 'a',
    })
    expect(eventFrame(entry, prefix)).toBe(eventFrame(entry, prefix))
  })

  it.each([
    ['not JSON', '{'],
    ['not an object', '[]'],
    ['null', 'null'],
    ['an object after a space', ' {"e":"said"}'],
    ['an event without a name', '{"d":1}'],
    ['an event with an empty name', '{"e":""}'],
    ['an id that is not a text', '{"e":"said","id":1}'],
    ['a field that would replace the group', '{"e":"said","g":"room.b"}'],
    ['a field that would replace the position', '{"e":"said","at":"a:1"}'],
    ['a field that would make it another frame', '{"e":"said","t":"left"}'],
  ])('has the empty name for a text that is %s', (_what, body) => {
    expect(parse(eventFrame({ epoch: 'a', offset: 7, body }, prefix).text)).toEqual({
      g: 'room."quoted"',
      at: 'a:7',
      e: '',
    })
    expect(volatileFrame(prefix, body)).toBeUndefined()
  })
})

describe('a live consumer without an override of sendEvent()', () => {
  it('sends volatile events that are not events of the declaration to no client', async () => {
    class Plain extends LiveConsumer<{}, {}> {
      static override groups = { room }
      override authorize() {
        return true
      }
    }
    const test = await start()
    const client = await test.connect(Plain.asApplication())
    await client.join('room.lobby')
    await test.layer.keptGroups.publishVolatile('room.lobby', 'not an event')
    await settled()
    expect(await client.nothing()).toEqual({ t: 'pong' })
  })
})
