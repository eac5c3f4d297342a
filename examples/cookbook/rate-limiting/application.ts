import { RateLimiterMemory } from 'rate-limiter-flexible'
import { rateLimit } from 'tideway'
import { defineGroup, LiveConsumer, request, RequestError } from 'tideway/live'
import { z } from 'zod'
import { recipe } from '../site.ts'

const room = defineGroup('room', { events: { said: z.object({ text: z.string() }) } })
const message = z.object({ room: z.string(), text: z.string().max(2000) })
const says = new RateLimiterMemory({ points: 5, duration: 10 })

export class RoomConsumer extends LiveConsumer {
  static override groups = { room }

  override authorize() {
    return this.scope.user.isAuthenticated
  }

  say = request(message, async ({ room: id, text }) => {
    await says.consume(String(this.scope.user.id)).catch((refusal: unknown) => {
      if (refusal instanceof Error) throw refusal
      throw new RequestError('slow_down', 'At most 5 messages in 10 seconds.')
    })
    await this.publish(room(id), 'said', { text })
  })
}

const limited = rateLimit(RoomConsumer.asApplication(), {
  connects: new RateLimiterMemory({ points: 30, duration: 60 }),
  messages: new RateLimiterMemory({ points: 100, duration: 10 }),
})

export default recipe(import.meta.dirname, limited)
