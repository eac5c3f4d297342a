/** Options of `resolvesWithin()`. */
export interface ResolvesWithinOptions {
  /** Whether the timer keeps the process running. @default true */
  readonly ref?: boolean
}

/**
 * Waits for a promise for at most `timeoutMs` milliseconds. Returns `false` if it is still pending then; a later rejection is
 * ignored. Rejects if the promise rejects in time.
 */
export async function resolvesWithin(
  wait: PromiseLike<unknown>,
  timeoutMs: number,
  { ref = true }: ResolvesWithinOptions = {},
): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, timeoutMs, false)
    if (!ref) timer.unref()
  })
  try {
    // Wraps other thenables, whose `then` need not return a promise.
    return await Promise.race([Promise.resolve(wait).then(() => true), timeout])
  } finally {
    clearTimeout(timer)
  }
}
