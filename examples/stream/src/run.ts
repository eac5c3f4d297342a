import { defineGroup } from 'tideway/live'
import { z } from 'zod'

/** One answer: `run.<id>`. All of its events are kept, so a page that joins later gets the whole answer. */
export const run = defineGroup('run', {
  events: {
    started: z.object({ prompt: z.string() }),
    text: z.object({ text: z.string() }),
    done: z.object({ reason: z.enum(['complete', 'stopped', 'failed']) }),
  },
  history: { size: 5000, ttlMs: 600_000 },
})
