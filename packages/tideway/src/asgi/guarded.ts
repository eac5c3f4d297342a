/**
 * The callback as it can be called anywhere: what it throws, or rejects with, goes to `failed`, and the caller goes on.
 * For callbacks of an application whose failure must not stop what they are told of.
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
