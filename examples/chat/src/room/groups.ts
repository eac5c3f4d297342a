import { defineGroup, volatile } from 'tideway/live'
import * as v from 'valibot'

/** A text without lone surrogates: they are not valid Unicode. */
export const text = v.pipe(v.string(), v.regex(/^\P{Cs}*$/u, 'Half a character is not allowed.'))

/** The author of a message: the tag of the tab, and that of the account or session. See `tags.ts`. */
const author = v.object({ user: text, guest: v.optional(v.number()), author: text, owner: text })
/** A message. One of the plain protocol has no number and no key, because the archive does not have it. */
const said = v.object({ ...author.entries, number: v.nullable(v.number()), at: v.number(), message: text, key: text })
export type Said = v.InferOutput<typeof said>

/** The rooms. What is older than their history is in the archive. */
export const room = defineGroup('room', {
  events: {
    said,
    typing: volatile(author),
    progress: volatile(v.object({ progress: v.number() })),
    reported: v.object({ at: v.number(), words: v.array(v.tuple([text, v.number()])) }),
    reportFailed: volatile(v.object({})),
  },
  history: { size: 500, ttlMs: 3_600_000 },
  presence: v.object({ name: text }),
})
