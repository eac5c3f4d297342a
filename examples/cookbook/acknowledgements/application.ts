import { defineGroup, LiveConsumer, request, RequestError } from 'tideway/live'
import { z } from 'zod'
import { recipe } from '../site.ts'

const room = defineGroup('room', {
  events: { said: z.object({ name: z.string(), text: z.string() }) },
  history: { size: 200 },
})

const message = z.object({ room: z.string(), text: z.string().max(2000) })

export class RoomConsumer extends LiveConsumer {
  static override groups = { room }

  override authorize() {
    return this.scope.user.isAuthenticated
  }

  say = request(message, async ({ room: id, text }) => {
    if (text.trim() === '') throw new RequestError('empty', 'Write something first.')
    const { position } = await this.publish(room(id), 'said', { name: this.scope.user.username, text })
    return { position }
  })
}

export default recipe(import.meta.dirname, RoomConsumer.asApplication())
