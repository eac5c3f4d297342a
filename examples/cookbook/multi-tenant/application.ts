import type { WithUser } from 'tideway'
import { defineGroup, LiveConsumer, request, type LiveGroup } from 'tideway/live'
import { z } from 'zod'
import { recipe, type DemoUser } from '../site.ts'

const channel = defineGroup('channel', { events: { said: z.object({ name: z.string(), text: z.string() }) } })
const message = z.object({ channel: z.string(), text: z.string().max(2000) })

export class CompanyConsumer extends LiveConsumer<object, WithUser<DemoUser>> {
  static override groups = { channel }

  override authorize({ id }: LiveGroup) {
    const { user } = this.scope
    return user.isAuthenticated && id.startsWith(`${user.company}/`)
  }

  // publish() refuses a channel that the connection has not joined.
  say = request(message, ({ channel: id, text }) =>
    this.publish(channel(id), 'said', { name: this.scope.user.username, text }),
  )
}

export default recipe(import.meta.dirname, CompanyConsumer.asApplication())
