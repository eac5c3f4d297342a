import { RedisPubSubChannelLayer } from '@tideway/redis'
import { defineGroup, LiveConsumer, request } from 'tideway/live'
import { z } from 'zod'
import { recipe } from '../site.ts'

const room = defineGroup('room', {
  events: { said: z.object({ text: z.string(), process: z.number() }) },
  history: { size: 200 },
})

const message = z.object({ room: z.string(), text: z.string().max(2000) })

export class RoomConsumer extends LiveConsumer {
  static override groups = { room }

  override authorize() {
    return this.scope.user.isAuthenticated
  }

  say = request(message, ({ room: id, text }) => this.publish(room(id), 'said', { text, process: process.pid }))
}

const layer = new RedisPubSubChannelLayer({ hosts: [process.env['REDIS_URL'] ?? 'redis://localhost:6379'] })

export default recipe(import.meta.dirname, RoomConsumer.asApplication(), layer)
