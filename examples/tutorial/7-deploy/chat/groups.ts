import { defineGroup, volatile } from 'tideway/live'
import * as v from 'valibot'

export const text = v.pipe(v.string(), v.trim(), v.minLength(1), v.maxLength(2000))

/** A room: its newest 200 messages are kept for a day. Progress is not kept. */
export const room = defineGroup('room', {
  events: {
    said: v.object({ key: v.string(), user: v.string(), text }),
    progress: volatile(v.object({ percent: v.number() })),
  },
  history: { size: 200, ttlMs: 86_400_000 },
})
