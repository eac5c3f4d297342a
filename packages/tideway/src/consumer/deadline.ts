import { TidewayError } from '../errors/tideway-error.ts'
import type { RunOptions } from './run-options.ts'

/** Awaits `disconnect()` until its deadline, so that the consumer leaves its groups in any case. */
export async function withinDeadline(
  disconnecting: PromiseLike<void>,
  { name, disconnectTimeoutMs }: Pick<RunOptions<never>, 'name' | 'disconnectTimeoutMs'>,
): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const message = `disconnect() of ${name} took more than ${disconnectTimeoutMs} ms and was abandoned.`
      reject(new TidewayError('ERR_APPLICATION_TIMEOUT', message))
    }, disconnectTimeoutMs).unref()
  })
  try {
    await Promise.race([disconnecting, deadline])
  } finally {
    clearTimeout(timer)
  }
}
