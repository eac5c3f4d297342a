// A separate file, so that a command can close the threads of an application without loading piscina.

/** The method of a thread pool that this file calls. */
interface Pool {
  close(): Promise<void>
}

const used = new Set<Pool>()

/** Registers a pool that has started threads, for {@link closeUsedThreads}. */
export function noteUse(pool: Pool): void {
  used.add(pool)
}

/** Removes a closed pool. */
export function forgetUse(pool: Pool): void {
  used.delete(pool)
}

/** Closes every pool with threads at the end of the process; their threads run `onThreadStop`. */
export async function closeUsedThreads(): Promise<void> {
  await Promise.all(Array.from(used, (pool) => pool.close()))
}
