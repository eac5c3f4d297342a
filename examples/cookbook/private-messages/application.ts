import { defineGroup, LiveConsumer, request, RequestError, type LiveGroup } from 'tideway/live'
import { z } from 'zod'
import { recipe, users } from '../site.ts'

const inbox = defineGroup('inbox', {
  events: { received: z.object({ from: z.string(), to: z.string(), text: z.string() }) },
  history: { size: 500, ttlMs: 604_800_000 },
})

const letter = z.object({ to: z.string(), text: z.string().max(2000) })

export class InboxConsumer extends LiveConsumer {
  static override groups = { inbox }

  override authorize({ id }: LiveGroup) {
    return id === this.scope.user.id
  }

  write = request(letter, async ({ to, text }, { id }) => {
    const from = this.scope.user.username
    if (from === '') throw new RequestError('log_in', 'Log in first.')
    if (!users.some((user) => user.id === to)) throw new RequestError('unknown_user', `There is no ${to}.`)
    // The same id in both groups: a repeated request publishes nothing twice.
    const options = id === undefined ? {} : { id }
    await inbox(to).publish(this.channelLayer, 'received', { from, to, text }, options)
    await inbox(from).publish(this.channelLayer, 'received', { from, to, text }, options)
  })
}

export default recipe(import.meta.dirname, InboxConsumer.asApplication())
