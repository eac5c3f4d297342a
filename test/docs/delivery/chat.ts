import { JsonWebSocketConsumer } from 'tideway'
import { defineGroup, type FollowHandlers } from 'tideway/live'
import { z } from 'zod'

const Said = z.object({ user: z.string(), text: z.string().max(2000) })

export const room = defineGroup('room', { events: { said: Said }, history: { size: 200, ttlMs: 86_400_000 } })

const FromClient = z.discriminatedUnion('type', [
  z.object({ type: z.literal('join'), since: z.string().optional() }),
  z.object({ type: z.literal('say'), text: z.string().max(2000), id: z.string().min(1).max(64) }),
])

export class ChatConsumer extends JsonWebSocketConsumer<{ roomName: string }> implements FollowHandlers<typeof room> {
  get room() {
    return room(this.scope.urlRoute.kwargs.roomName)
  }

  async receiveJson(content: unknown) {
    const message = FromClient.parse(content)
    if (message.type === 'say') {
      const user = this.scope.user.username
      await this.room.publish(this.channelLayer, 'said', { user, text: message.text }, { id: message.id })
      return
    }
    const answer = await this.follow(this.room.name, { since: message.since, last: 50 })
    await this.sendJson({ type: 'joined', ...answer })
  }

  onSaid(data: z.output<typeof Said>, at: { position: string; id?: string | undefined }) {
    return this.sendJson({ type: 'said', ...data, ...at })
  }

  onReset(_group: string, why: string, position: string) {
    return this.sendJson({ type: 'reset', why, position })
  }
}
