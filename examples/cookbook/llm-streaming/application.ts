import { setTimeout } from 'node:timers/promises'
import { defineGroup, LiveConsumer, request, RequestError, type LiveGroup } from 'tideway/live'
import { z } from 'zod'
import { recipe } from '../site.ts'

const answer = defineGroup('answer', {
  events: { started: z.object({}), text: z.object({ text: z.string() }) },
  history: { size: 5000, ttlMs: 600_000 },
})

const question = z.object({ answer: z.string(), question: z.string().max(10_000) })

/** Stands in for the SDK of a model: an async iterable of pieces of text. */
async function* ask(text: string) {
  for (const word of `You asked: ${text}`.split(/(?<= )/)) {
    await setTimeout(10)
    yield word
  }
}

export class AssistantConsumer extends LiveConsumer {
  static override groups = { answer }

  override authorize({ id }: LiveGroup) {
    return this.scope.user.isAuthenticated && id.startsWith(`${this.scope.user.id}/`)
  }

  ask = request(
    question,
    async ({ answer: id, question: text }) => {
      const group = answer(id)
      if (!(await this.hasJoined(group))) throw new RequestError('forbidden', 'Join the answer first.')
      // group.publish() instead of this.publish(): the answer continues while the client reconnects.
      await group.publish(this.channelLayer, 'started', {})
      for await (const piece of ask(text)) await group.publish(this.channelLayer, 'text', { text: piece })
    },
    { concurrent: true },
  )
}

export default recipe(import.meta.dirname, AssistantConsumer.asApplication())
