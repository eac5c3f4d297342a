import type { Application, WebSocketScope } from 'tideway/asgi'
import { defineGroup, LiveConsumer, request, volatile, type LiveRequest, type Published } from 'tideway/live'
import { describe, expectTypeOf, it } from 'vitest'
import { z } from 'zod'

const room = defineGroup('room', {
  events: {
    said: z.object({ text: z.string(), length: z.string().transform(Number) }),
    typing: volatile(z.object({ user: z.string() })),
  },
})
const amount = z.string().transform(Number)

class Chat extends LiveConsumer<{ tenant: string }> {
  static override groups = { room }
  override authorize() {
    return this.scope.user.isAuthenticated && { history: 10 }
  }
  override async snapshot() {
    return { people: [this.scope.urlRoute.kwargs.tenant] }
  }
  say = request(z.object({ text: z.string(), length: amount }), (input, { id, signal }) => {
    expectTypeOf(input).toEqualTypeOf<{ text: string; length: number }>()
    expectTypeOf(id).toEqualTypeOf<string | undefined>()
    expectTypeOf(signal).toEqualTypeOf<AbortSignal>()
    return this.publish(room('lobby'), 'said', { text: input.text, length: '2' }, { id })
  })
  type = request(amount, () => this.publish(room('lobby'), 'typing', { user: 'ann' }))
  count = request(z.undefined(), () => 1)
}

// These hold at compile time: `tsc -b packages/tideway/test` fails where they do not.
describe('the types of a live consumer', () => {
  it('have the input of the schema and the result of the handler in its requests', () => {
    expectTypeOf<Chat['say']>().toEqualTypeOf<LiveRequest<{ text: string; length: string }, Published>>()
    expectTypeOf<Chat['type']>().toEqualTypeOf<LiveRequest<string, void>>()
    expectTypeOf<Chat['count']>().toEqualTypeOf<LiveRequest<undefined, number>>()
  })

  it('have what a client needs, without the server: groups with schemas, requests with their types', () => {
    type Groups = (typeof Chat)['groups']
    type Said = NonNullable<Groups['room']['events']['said']['~standard']['types']>['output']
    expectTypeOf<Said>().toEqualTypeOf<{ text: string; length: number }>()
    expectTypeOf<Groups['room']['events']['typing']>().toHaveProperty('volatile')
    type Types = NonNullable<InstanceType<typeof Chat>['say']['~types']>
    expectTypeOf<Types['input']>().toEqualTypeOf<{ text: string; length: string }>()
    expectTypeOf<Types['output']>().toEqualTypeOf<Published>()
  })

  it('refuse a wrong event, wrong data, and a handler with another input', () => {
    class Wrong extends LiveConsumer<{}, {}> {
      static override groups = { room }
      calls() {
        // @ts-expect-error The declaration has no such event.
        void this.publish(room('lobby'), 'siad', { text: '', length: '' })
        // @ts-expect-error The output is not the input.
        void this.publish(room('lobby'), 'said', { text: '', length: 1 })
        // @ts-expect-error A volatile event is not kept, so it has no id.
        void this.publish(room('lobby'), 'typing', { user: '' }, { id: 'a' })
      }
      // @ts-expect-error The output of the schema is a number.
      say = request(amount, (_input: string) => {})
    }
    void Wrong
  })

  it('have the scope of the consumer in its application', () => {
    expectTypeOf(Chat.asApplication()).toExtend<Application<Chat['scope']>>()
    expectTypeOf<Chat['scope']>().toExtend<WebSocketScope>()
  })
})
