import type { Outcome } from './fleet.ts'

/** TIDEWAY_FAULT_ROUNDS repeats each fault. */
export const ROUNDS = Number(process.env['TIDEWAY_FAULT_ROUNDS'] ?? 1)
/** TIDEWAY_FAULT_MS sets how long a fault goes on. */
export const FAULT_MS = Number(process.env['TIDEWAY_FAULT_MS'] ?? 1000)

/** Prints what the clients have got. */
export function report(name: string, outcome: Outcome): void {
  process.stdout.write(`kept group ${name}: ${JSON.stringify(outcome)}\n`)
}
