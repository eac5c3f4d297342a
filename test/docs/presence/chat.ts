import { defineGroup, LiveConsumer, request, type LiveGroup } from 'tideway/live'
import { z } from 'zod'

export const room = defineGroup('room', {
  events: { said: z.object({ user: z.string(), text: z.string() }) },
  presence: z.object({ name: z.string(), status: z.enum(['here', 'away']).default('here') }),
})

export class ChatConsumer extends LiveConsumer {
  static override groups = { room }

  override authorize(_group: LiveGroup) {
    return this.scope.user.isAuthenticated
  }

  override present(_group: LiveGroup) {
    const { id, username } = this.scope.user
    return { key: String(id), name: username }
  }

  away = request(z.object({ room: z.string() }), ({ room: id }) =>
    this.updatePresence(room(id), { name: this.scope.user.username, status: 'away' }),
  )
}
