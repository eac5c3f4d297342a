import { InMemoryChannelLayer, JsonWebSocketConsumer, WebSocketConsumer } from 'tideway'
import type { EventInfo } from 'tideway/consumer'
import {
  defineGroup,
  volatile,
  type FollowHandlers,
  type HistoryEvent,
  type KeptGroup,
  type Published,
  type StaticFollowHandlers,
} from 'tideway/live'
import * as v from 'valibot'
import { describe, expectTypeOf, it } from 'vitest'
import { z } from 'zod'

const room = defineGroup('room', {
  events: {
    said: z.object({ text: z.string(), length: z.string().transform(Number) }),
    'user.typing': volatile(v.object({ user: v.string() })),
  },
})
const prices = defineGroup('prices', { state: z.object({ bid: z.number() }) })
type Said = { text: string; length: number }

// These hold at compile time: `tsc -b packages/tideway/test` fails where they do not.
describe('the types of kept groups', () => {
  it('accept the input of the schema in publish(), and return a position except for volatile events', () => {
    const lobby = room('lobby')
    const layer = new InMemoryChannelLayer()
    const calls = () => {
      expectTypeOf(lobby.publish(layer, 'said', { text: 'hi', length: '2' }, { id: 'a' })).toEqualTypeOf<
        Promise<Published>
      >()
      expectTypeOf(lobby.publish(layer, 'user.typing', { user: 'ann' })).toEqualTypeOf<Promise<void>>()
      // @ts-expect-error The output is not the input.
      void lobby.publish(layer, 'said', { text: 'hi', length: 2 })
      // @ts-expect-error The declaration has no such event.
      void lobby.publish(layer, 'siad', { text: 'hi', length: '2' })
      // @ts-expect-error A volatile event is not kept, so it has no id.
      void lobby.publish(layer, 'user.typing', { user: 'ann' }, { id: 'a' })
    }
    void calls
  })

  it('have the output of the schema in history()', () => {
    type Events = typeof room extends (id: string) => KeptGroup<infer E> ? E : never
    expectTypeOf<HistoryEvent<Events>>().toEqualTypeOf<{
      readonly name: 'said'
      readonly data: Said
      readonly position: string
      readonly id: string | undefined
    }>()
  })

  it('require the handlers of a follower', () => {
    class Complete extends WebSocketConsumer<{}, {}> implements FollowHandlers<typeof room> {
      override async connect() {
        await this.follow(room('lobby').name, { last: 10 })
        await this.accept()
      }
      onSaid(data: Said, at: { readonly position: string }) {
        return this.send({ text: `${data.length} ${at.position}` })
      }
      onUserTyping({ user }: { user: string }, _at: EventInfo) {
        return this.send({ text: user })
      }
      onReset() {}
    }
    // @ts-expect-error onUserTyping and onReset are missing.
    class Missing extends WebSocketConsumer implements FollowHandlers<typeof room> {
      onSaid() {}
    }
    class Wrong extends WebSocketConsumer implements FollowHandlers<typeof room> {
      // @ts-expect-error The output has a number.
      onSaid(_data: { length: string }) {}
      // @ts-expect-error A volatile event has no position.
      onUserTyping(_data: unknown, _at: { readonly position: string }) {}
      onReset() {}
    }
    class Unprepared extends WebSocketConsumer {
      override connect() {
        // @ts-expect-error onReset is missing.
        return this.follow('g').then(() => {})
      }
    }
    void [Complete, Missing, Wrong, Unprepared]
  })

  it('require the handler of the values of a follower', () => {
    class Complete extends WebSocketConsumer<{}, {}> implements FollowHandlers<typeof prices> {
      override async connect() {
        const { values } = await this.follow(prices('eur').name, { isState: true })
        expectTypeOf(values).toEqualTypeOf<ReadonlyMap<string, unknown> | undefined>()
      }
      onValue(value: { bid: number } | undefined, { key }: { readonly key: string; readonly position: string }) {
        return this.send({ text: `${key} ${value?.bid}` })
      }
      onReset() {}
    }
    // @ts-expect-error onValue is missing.
    class Missing extends WebSocketConsumer implements FollowHandlers<typeof prices> {
      onReset() {}
    }
    class Text extends WebSocketConsumer<{}, {}> {
      static onValue(value: { bid: number } | undefined) {
        return { text: String(value?.bid) }
      }
    }
    Text satisfies StaticFollowHandlers<typeof prices>
    class Wrong extends WebSocketConsumer<{}, {}> {
      static onValue(value: { bid: string } | undefined) {
        return { text: value?.bid ?? '' }
      }
    }
    // @ts-expect-error The value has a number.
    Wrong satisfies StaticFollowHandlers<typeof prices>
    void [Complete, Missing, Text, Wrong]
  })

  it('require the static handlers of a follower', () => {
    class Chat extends JsonWebSocketConsumer<{}, {}> {
      static onSaid({ text }: Said, { position }: EventInfo) {
        return { text, position }
      }
      static onUserTyping() {}
      onReset() {}
      override receiveJson() {}
    }
    Chat satisfies StaticFollowHandlers<typeof room, unknown>
    void Chat.asApplication()
    class Text extends WebSocketConsumer<{}, {}> {
      static onSaid({ text }: Said) {
        return text
      }
    }
    // @ts-expect-error It lacks onUserTyping, and its result is not a message.
    Text satisfies StaticFollowHandlers<typeof room>
    const calls = () => {
      // @ts-expect-error Its result is not a message.
      Text.asApplication()
    }
    void calls
  })
})
