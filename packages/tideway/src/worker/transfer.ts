import type { WorkerOptions } from 'node:worker_threads'

/** An object that can move to another thread. The name of this type differs between the versions of `@types/node`. */
type TransferListItem = NonNullable<WorkerOptions['transferList']>[number]

const transferred = new WeakMap<object, readonly TransferListItem[]>()

/**
 * Marks buffers that move to the other thread instead of being copied, in an argument or in the result of a threaded function.
 * The sender cannot use a moved buffer any more.
 * @param value the argument or result
 * @param list the buffers in it, e.g. `[bytes.buffer]`
 * @returns the same value
 * @example return transfer(pixels, [pixels.buffer])
 */
export function transfer<Value extends object>(value: Value, list: readonly TransferListItem[]): Value {
  transferred.set(value, list)
  return value
}

/** Returns the marked buffers of the value, and removes the mark. */
export function takeTransferList(value: unknown): readonly TransferListItem[] | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const list = transferred.get(value)
  transferred.delete(value)
  return list
}
