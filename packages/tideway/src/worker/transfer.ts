import type { TransferListItem } from 'node:worker_threads'

const transferred = new WeakMap<object, readonly TransferListItem[]>()

/**
 * Marks buffers to be handed over between threads instead of copied, on an argument of a threaded function or on what
 * such a function returns. Whoever hands a buffer over cannot use it any more.
 * @param value what is passed or returned
 * @param list the buffers in it, e.g. `[bytes.buffer]`
 * @returns the same value
 * @example return transfer(pixels, [pixels.buffer])
 */
export function transfer<Value extends object>(value: Value, list: readonly TransferListItem[]): Value {
  transferred.set(value, list)
  return value
}

/** The buffers that were marked on the value; the mark is used up. */
export function takeTransferList(value: unknown): readonly TransferListItem[] | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const list = transferred.get(value)
  transferred.delete(value)
  return list
}
