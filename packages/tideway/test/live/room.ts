import { defineGroup, LiveConsumer, request, RequestError, volatile, type LiveGroup } from 'tideway/live'
import { z } from 'zod'

/** The groups of the tests. */
export const room = defineGroup('room', {
  events: { said: z.object({ text: z.string() }), typing: volatile(z.object({ user: z.string() })) },
  history: { size: 5, ttlMs: 600_000 },
})

/** Allows every join. */
export class Chat extends LiveConsumer<{}, {}> {
  static override groups = { room }

  override authorize(_group: LiveGroup): boolean | Promise<boolean> {
    return true
  }

  say = request(z.object({ room: z.string(), text: z.string() }), ({ room: id, text }) =>
    this.publish(room(id), 'said', { text }),
  )
  type = request(z.object({ room: z.string() }), ({ room: id }) => this.publish(room(id), 'typing', { user: 'ann' }))
  echo = request(z.unknown(), (input) => input)
  refuse = request(z.undefined(), () => {
    throw new RequestError('room_full', 'The room is full.')
  })
  crash = request(z.undefined(), () => {
    throw new Error('secret')
  })
}
