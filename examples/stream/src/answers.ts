import { LiveConsumer, request, type LiveGroup } from 'tideway/live'
import { z } from 'zod'

import { run } from './run.ts'
import { cancelRun, startRun } from './task.ts'

const runId = z.uuid()
const question = z.object({
  prompt: z.string().trim().min(1).max(2000),
  words: z.number().int().min(1).max(2000).default(300),
})

export class AnswerConsumer extends LiveConsumer<{}, {}> {
  static override groups = { run }

  // An id is random, so the link to an answer is the permission to read it.
  override authorize({ id }: LiveGroup): boolean {
    return runId.safeParse(id).success
  }

  ask = request(question, async (input) => ({ run: await startRun(this.channelLayer, input) }))
  cancel = request(z.object({ run: runId }), ({ run: id }) => cancelRun(this.channelLayer, id))
}
