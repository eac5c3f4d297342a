import { connectLive, type LiveClient, type PendingRequest } from '@tideway/client/live'
import { describe, expectTypeOf, it } from 'vitest'
import { defineGroup, LiveConsumer, request, volatile, type Published } from 'tideway/live'
import { z } from 'zod'

const room = defineGroup('room', {
  events: {
    said: z.object({ text: z.string(), at: z.string().transform(Number) }),
    typing: volatile(z.object({ user: z.string() })),
  },
  presence: z.object({ name: z.string(), since: z.string().transform(Number) }),
})

class ChatConsumer extends LiveConsumer {
  static override groups = { room }
  readonly notARequest = 5
  override present() {
    return { key: 'ann', name: 'Ann', since: '1' }
  }
  say = request(z.object({ room: z.string(), text: z.string() }), ({ room: id, text }) =>
    this.publish(room(id), 'said', { text, at: '1' }),
  )
  clear = request(z.undefined(), () => {})
}

/** Type-checked, never called. */
function typed(chat: LiveClient<typeof ChatConsumer>): void {
  const lobby = chat.join('room', 'lobby', { last: 50 })
  lobby.on('said', (data, at) => {
    expectTypeOf(data).toEqualTypeOf<{ text: string; at: number }>()
    expectTypeOf(at.position).toEqualTypeOf<string>()
  })
  lobby.on('typing', (data, at) => {
    expectTypeOf(data).toEqualTypeOf<{ user: string }>()
    expectTypeOf(at.position).toEqualTypeOf<undefined>()
  })
  lobby.on('presence', (people) => {
    expectTypeOf(people.count).toEqualTypeOf<number>()
    expectTypeOf(people.get('ann')).toEqualTypeOf<{ name: string; since: number } | undefined>()
  })
  lobby.on('reset', ({ why }) => expectTypeOf(why).toExtend<string>())
  lobby.onAny((event) => {
    if (event.name === 'said') expectTypeOf(event.data).toEqualTypeOf<{ text: string; at: number }>()
  })
  expectTypeOf(chat.request('say', { room: 'lobby', text: '' })).toEqualTypeOf<PendingRequest<Published>>()
  expectTypeOf(chat.request('clear', undefined)).toEqualTypeOf<PendingRequest<void>>()
  // @ts-expect-error: no such event
  lobby.on('sayed', () => {})
  // @ts-expect-error: no such declaration
  chat.join('rooms', 'lobby')
  // @ts-expect-error: no such request
  void chat.request('notARequest', 5)
  // @ts-expect-error: a wrong input
  void chat.request('say', { room: 'lobby' })
  // @ts-expect-error: a wrong input
  chat.send('say', { room: 'lobby' })
}

/** Type-checked, never called. */
function untyped(): void {
  const client = connectLive('/ws/')
  client.join('any', 'id').on('event', (data) => expectTypeOf(data).toEqualTypeOf<unknown>())
  expectTypeOf(client.request('anything', { n: 1 })).toEqualTypeOf<PendingRequest<unknown>>()
}

describe('The types of a live client', () => {
  it('come from the groups and the requests of the consumer', () => {
    expectTypeOf(typed).toBeFunction()
    expectTypeOf(untyped).toBeFunction()
  })
})
