import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { InMemoryChannelLayer, type Delivery, type Message } from 'tideway/layer'

const CHANNELS = 4
const GROUPS = ['red', 'blue']

/** Operations on a layer. Channels are numbers here: the layer creates their names. */
type Step =
  | { readonly does: 'send'; readonly to: number }
  | { readonly does: 'groupSend'; readonly to: string; readonly except: readonly number[] }
  | { readonly does: 'groupAdd' | 'groupDiscard'; readonly to: string; readonly channel: number }
  | { readonly does: 'detach'; readonly channel: number }
  | { readonly does: 'pause' }

const channel = fc.nat(CHANNELS - 1)
const group = fc.constantFrom(...GROUPS)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ does: fc.constant('send' as const), to: channel }) },
  {
    weight: 4,
    arbitrary: fc.record({
      does: fc.constant('groupSend' as const),
      to: group,
      except: fc.array(channel, { maxLength: 3 }),
    }),
  },
  { weight: 4, arbitrary: fc.record({ does: fc.constant('groupAdd' as const), to: group, channel }) },
  { weight: 2, arbitrary: fc.record({ does: fc.constant('groupDiscard' as const), to: group, channel }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('detach' as const), channel }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('pause' as const) }) },
)

/** What the specification says that each channel is to receive: lists of numbers, without time or queues. */
class Model {
  readonly received: number[][] = Array.from({ length: CHANNELS }, () => [])
  readonly #members = new Map(GROUPS.map((name) => [name, new Set<number>()]))

  take(one: Step, number: number): void {
    switch (one.does) {
      case 'send':
        this.received[one.to]!.push(number)
        break
      case 'groupSend':
        for (const member of this.#members.get(one.to)!) {
          if (!one.except.includes(member)) this.received[member]!.push(number)
        }
        break
      case 'groupAdd':
        this.#members.get(one.to)!.add(one.channel)
        break
      case 'groupDiscard':
        this.#members.get(one.to)!.delete(one.channel)
        break
      case 'detach':
        for (const members of this.#members.values()) members.delete(one.channel)
        break
      case 'pause':
    }
  }
}

/** A receiver that writes the numbers down and, as a member's answer, sends what the test wants sent. */
class Numbers {
  readonly received: number[] = []
  readonly #answer: (number: number) => void

  constructor(answer: (number: number) => void = () => {}) {
    this.#answer = answer
  }

  deliver(message: Message): Delivery {
    const number = message['number'] as number
    this.received.push(number)
    this.#answer(number)
    return 'delivered'
  }
}

describe('an in-memory layer', () => {
  it('delivers to every channel exactly the messages of a model of the specification, in its order', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const layer = new InMemoryChannelLayer()
        const model = new Model()
        const names = Array.from({ length: CHANNELS }, () => layer.newChannel())
        const inboxes = names.map(() => new Numbers())
        names.forEach((name, index) => layer.attach(name, inboxes[index]!))
        const sends: Promise<void>[] = []
        for (const [number, one] of steps.entries()) {
          const message = { type: 'numbered', number }
          // Membership changes at the call: only messages delivered before it went to the earlier members.
          if (one.does !== 'send' && one.does !== 'groupSend') await Promise.all(sends.splice(0))
          if (one.does === 'send') sends.push(layer.send(names[one.to]!, message))
          else if (one.does === 'groupSend') {
            sends.push(layer.groupSend(one.to, message, { except: one.except.map((index) => names[index]!) }))
          } else if (one.does === 'detach') {
            await layer.detach(names[one.channel]!)
            layer.attach(names[one.channel]!, inboxes[one.channel]!)
          } else if (one.does !== 'pause') await layer[one.does](one.to, names[one.channel]!)
          model.take(one, number)
        }
        await layer.close()
        expect(inboxes.map((inbox) => inbox.received)).toEqual(model.received)
      }),
    )
  })

  it('delivers in the same order to all members, also if they send while they receive', async () => {
    const answers = fc.dictionary(fc.nat(20).map(String), fc.array(fc.nat(1), { maxLength: 3 }), { maxKeys: 10 })
    await fc.assert(
      fc.asyncProperty(fc.array(answers, { minLength: 2, maxLength: 4 }), fc.nat(5), async (members, sends) => {
        const layer = new InMemoryChannelLayer()
        let sent = 0
        const send = (): void => {
          if (sent < 200) void layer.groupSend('group', { type: 'numbered', number: sent++ })
        }
        const inboxes: Numbers[] = []
        for (const answersOf of members) {
          const name = layer.newChannel()
          const inbox = new Numbers((number) => (answersOf[String(number)] ?? []).forEach(send))
          inboxes.push(inbox)
          layer.attach(name, inbox)
          await layer.groupAdd('group', name)
        }
        for (let first = 0; first <= sends; first++) send()
        await expect
          .poll(() => inboxes.every((inbox) => inbox.received.length === sent), { interval: 1, timeout: 5000 })
          .toBe(true)
        const wanted = Array.from({ length: sent }, (_, number) => number)
        for (const inbox of inboxes) expect(inbox.received).toEqual(wanted)
      }),
    )
  })

  it('delivers each message to one of any number of receivers, in the order of their calls', async () => {
    const turn = fc.constantFrom('send' as const, 'receive' as const)
    await fc.assert(
      fc.asyncProperty(fc.array(turn, { maxLength: 60 }), async (turns) => {
        const layer = new InMemoryChannelLayer()
        const received: Promise<Message>[] = []
        let sent = 0
        for (const one of turns) {
          if (one === 'send') await layer.send('jobs', { type: 'numbered', number: sent++ })
          else received.push(layer.receive('jobs'))
        }
        while (received.length < sent) received.push(layer.receive('jobs'))
        const waiting = received.splice(sent)
        const numbers = (await Promise.all(received)).map((message) => message['number'])
        expect(numbers).toEqual(Array.from({ length: sent }, (_, number) => number))
        const ended = Promise.allSettled(waiting)
        await layer.close()
        for (const end of await ended) expect(end).toMatchObject({ reason: { code: 'ERR_LAYER_CLOSED' } })
      }),
    )
  })
})
