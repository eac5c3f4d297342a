import { defineGroup, volatile } from 'tideway/live'
import * as v from 'valibot'

export const name = v.pipe(v.string(), v.trim(), v.minLength(1), v.maxLength(40))
export const text = v.pipe(v.string(), v.trim(), v.minLength(1), v.maxLength(2000))

/** A room: the server keeps its newest 200 messages for a day. `typing` is not kept. */
export const room = defineGroup('room', {
  events: { said: v.object({ who: name, text }), typing: volatile(v.object({ who: name })) },
  history: { size: 200, ttlMs: 86_400_000 },
})
