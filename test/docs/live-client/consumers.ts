import { defineGroup, LiveConsumer, request } from 'tideway/live'
import { z } from 'zod'

export const room = defineGroup('room', {
  events: { said: z.object({ user: z.string(), text: z.string() }) },
  history: { size: 200, ttlMs: 86_400_000 },
})

export class ChatConsumer extends LiveConsumer {
  static override groups = { room }

  override authorize() {
    return this.scope.user.isAuthenticated
  }

  say = request(z.object({ room: z.string(), text: z.string().max(2000) }), ({ room: id, text }) =>
    this.publish(room(id), 'said', { user: this.scope.user.username, text }),
  )
}
