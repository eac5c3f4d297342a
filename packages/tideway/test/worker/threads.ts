import { moduleUrl } from 'tideway/worker'
import type * as blockingModule from './fixtures/blocking.ts'

/** The module whose functions the tests run in threads. */
export const blocking = moduleUrl<typeof blockingModule>('./fixtures/blocking.ts', import.meta.url)

/** A number that threads can wait for. */
export function sharedNumber(): Int32Array {
  return new Int32Array(new SharedArrayBuffer(4))
}

/** Lets go of everything that waits for the number. */
export function open(gate: Int32Array): void {
  Atomics.store(gate, 0, 1)
  Atomics.notify(gate, 0)
}

/** Resolves when the number has become at least so large. */
export async function reaches(number: Int32Array, least: number): Promise<void> {
  while (Atomics.load(number, 0) < least) await new Promise((resolve) => setImmediate(resolve))
}
