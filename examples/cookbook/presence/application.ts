import { defineGroup, LiveConsumer } from 'tideway/live'
import { z } from 'zod'
import { recipe } from '../site.ts'

const room = defineGroup('room', { events: {}, presence: z.object({ name: z.string() }) })

export class RoomConsumer extends LiveConsumer {
  static override groups = { room }

  override authorize() {
    return this.scope.user.isAuthenticated
  }

  override present() {
    const { id, username } = this.scope.user
    return { key: String(id), name: username }
  }
}

export default recipe(import.meta.dirname, RoomConsumer.asApplication())
