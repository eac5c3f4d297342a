import { defineGroup, volatile } from 'tideway/live'
import { z } from 'zod'

/** A text without lone surrogates: they are not valid Unicode. */
export const text = z.string().regex(/^\P{Cs}*$/u, 'Half a character is not allowed.')

/** The author of a message: the tag of the tab, and that of the account or session. See `tags.ts`. */
const author = z.object({ user: text, guest: z.number().optional(), author: text, owner: text })
/** A message. One of the plain protocol has no number and no key, because the archive does not have it. */
const said = author.extend({ number: z.number().nullable(), at: z.number(), message: text, key: text })
export type Said = z.infer<typeof said>

/** The rooms. What is older than their history is in the archive. */
export const room = defineGroup('room', {
  events: {
    said,
    typing: volatile(author),
    progress: volatile(z.object({ progress: z.number() })),
    reported: z.object({ at: z.number(), words: z.array(z.tuple([text, z.number()])) }),
    reportFailed: volatile(z.object({})),
  },
  history: { size: 500, ttlMs: 3_600_000 },
  presence: z.object({ name: text, guest: z.number().optional() }),
})
