/**
 * Wraps a callback of the application: an error that it throws or rejects with goes to `failed` and does not reach the caller.
 */
export function guarded<Args extends readonly unknown[]>(
  callback: (...args: Args) => unknown,
  failed: (error: unknown) => void,
): (...args: Args) => void {
  return (...args) => {
    try {
      const returned = callback(...args)
      if (returned instanceof Promise) returned.catch(failed)
    } catch (error) {
      failed(error)
    }
  }
}
