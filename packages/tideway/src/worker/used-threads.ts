// Of its own, so that a command can end the threads of an application without loading what starts them.

/** What can be closed, with its threads. */
interface Pool {
  close(): Promise<void>
}

const used = new Set<Pool>()

/** The pool has started threads: {@link closeUsedThreads} closes it. */
export function noteUse(pool: Pool): void {
  used.add(pool)
}

/** The pool is closed. */
export function forgetUse(pool: Pool): void {
  used.delete(pool)
}

/** Closes every pool of this process that has started threads, with their `onThreadStop`: for the end of the process. */
export async function closeUsedThreads(): Promise<void> {
  await Promise.all(Array.from(used, (pool) => pool.close()))
}
