import { TidewayError } from '../errors/tideway-error.ts'

/** The longest delay of `setTimeout`, in milliseconds. */
export const MAX_TIMER_MS: number = 2 ** 31 - 1

/** @throws TidewayError `ERR_BAD_OPTION` if the value is not a whole number from 1 to `largest` */
export function requirePositive(name: string, value: unknown, largest: number = MAX_TIMER_MS): number {
  if (Number.isInteger(value) && (value as number) >= 1 && (value as number) <= largest) return value as number
  throw new TidewayError('ERR_BAD_OPTION', `${name} must be a whole number from 1 to ${largest}, not ${String(value)}.`)
}
