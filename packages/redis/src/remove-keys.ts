import type { RedisConnection } from './redis-connection.ts'

/** Keys looked at in one step: others get their turn between two. */
const KEYS_A_STEP = 1000

/**
 * Removes all keys that match the pattern. KEYS would hold up every other client while it looks at the whole database.
 * @param options `oneByOne`: the keys are of different slots of a cluster
 */
export async function removeKeys(
  connection: RedisConnection,
  pattern: string,
  { oneByOne = false }: { readonly oneByOne?: boolean } = {},
): Promise<void> {
  let cursor = '0'
  do {
    // Each step is a command with a timeout of its own.
    const position = cursor
    const [next, keys] = await connection.command((client) =>
      client.scanBuffer(position, 'MATCH', pattern, 'COUNT', KEYS_A_STEP),
    )
    if (oneByOne) await connection.command((client) => Promise.all(keys.map((key) => client.unlink(key))))
    else if (keys.length > 0) await connection.command((client) => client.unlink(...keys))
    cursor = next.toString()
  } while (cursor !== '0')
}

/** The text as a pattern that matches just it. */
export function literalPattern(text: string): string {
  return text.replace(/[\\*?[\]]/g, '\\$&')
}
