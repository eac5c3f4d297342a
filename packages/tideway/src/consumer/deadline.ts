import { TidewayError } from '../errors/tideway-error.ts'

/** Waits for the result no longer than the time; then rejects with `ERR_APPLICATION_TIMEOUT` and the message. */
export async function withinDeadline(result: PromiseLike<void>, timeoutMs: number, message: string): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new TidewayError('ERR_APPLICATION_TIMEOUT', message)), timeoutMs).unref()
  })
  try {
    await Promise.race([result, deadline])
  } finally {
    clearTimeout(timer)
  }
}
