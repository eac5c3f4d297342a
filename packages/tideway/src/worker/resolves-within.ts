/**
 * Waits for a promise for at most `timeoutMs`. Returns `false` if it is still pending then; a later rejection is ignored.
 * Rejects if the promise rejects in time.
 */
export async function resolvesWithin(wait: Promise<unknown>, timeoutMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), timeoutMs)
  })
  try {
    return await Promise.race([wait.then(() => true), timeout])
  } finally {
    clearTimeout(timer)
  }
}
