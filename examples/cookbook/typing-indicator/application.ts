import { defineGroup, LiveConsumer, request, volatile } from 'tideway/live'
import { z } from 'zod'
import { recipe } from '../site.ts'

const room = defineGroup('room', {
  events: {
    said: z.object({ name: z.string(), text: z.string() }),
    typing: volatile(z.object({ name: z.string() })),
  },
  history: { size: 200 },
})

const inRoom = z.object({ room: z.string() })
const message = inRoom.extend({ text: z.string().max(2000) })

export class RoomConsumer extends LiveConsumer {
  static override groups = { room }

  override authorize() {
    return this.scope.user.isAuthenticated
  }

  say = request(message, ({ room: id, text }) =>
    this.publish(room(id), 'said', { name: this.scope.user.username, text }),
  )

  type = request(inRoom, ({ room: id }) => this.publish(room(id), 'typing', { name: this.scope.user.username }))
}

export default recipe(import.meta.dirname, RoomConsumer.asApplication())
