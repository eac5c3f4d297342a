import type { RedisConnection } from './redis-connection.ts'

/** Keys scanned in one step. Redis serves other clients between steps. */
const KEYS_PER_STEP = 1000

/**
 * Removes all keys that match the pattern. Uses SCAN, because KEYS blocks all clients while it scans the whole database.
 * @param options `oneByOne`: the keys belong to different slots of a cluster
 */
export async function removeKeys(
  connection: RedisConnection,
  pattern: string,
  { oneByOne = false }: { readonly oneByOne?: boolean } = {},
): Promise<void> {
  let cursor = '0'
  do {
    // Each step is a command with its own timeout.
    const position = cursor
    const [next, keys] = await connection.command((client) =>
      client.scanBuffer(position, 'MATCH', pattern, 'COUNT', KEYS_PER_STEP),
    )
    if (oneByOne) await connection.command((client) => Promise.all(keys.map((key) => client.unlink(key))))
    else if (keys.length > 0) await connection.command((client) => client.unlink(...keys))
    cursor = next.toString()
  } while (cursor !== '0')
}

/** Escapes the text as a pattern that matches only this text. */
export function literalPattern(text: string): string {
  return text.replace(/[\\*?[\]]/g, '\\$&')
}
