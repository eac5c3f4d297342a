import type { Redis } from 'ioredis'

/** Keys looked at in one step: others get their turn between two. */
const KEYS_A_STEP = 1000

/**
 * Removes all keys that match the pattern. KEYS would hold up every other client while it looks at the whole database.
 * @param options `oneByOne`: the keys are of different slots of a cluster
 */
export async function removeKeys(
  client: Redis,
  pattern: string,
  { oneByOne = false }: { readonly oneByOne?: boolean } = {},
): Promise<void> {
  let cursor = '0'
  do {
    const [next, keys] = await client.scanBuffer(cursor, 'MATCH', pattern, 'COUNT', KEYS_A_STEP)
    if (oneByOne) await Promise.all(keys.map((key) => client.unlink(key)))
    else if (keys.length > 0) await client.unlink(...keys)
    cursor = next.toString()
  } while (cursor !== '0')
}

/** The text as a pattern that matches just it. */
export function literalPattern(text: string): string {
  return text.replace(/[\\*?[\]]/g, '\\$&')
}
