import { TidewayError } from './tideway-error.ts'

/** The longest delay of Node's timers, in milliseconds: 2^31 − 1. A longer one fires at once. */
export const MAX_TIMER_MS: number = 2 ** 31 - 1

/**
 * Returns the value of an option that must be a whole number from `least` to `most`. By default, the range is that of a timer
 * in milliseconds. `Infinity` sets no upper bound.
 * @throws TidewayError `ERR_BAD_OPTION` if the value is outside the range or is not a whole number
 */
export function requireWholeNumber(
  name: string,
  value: unknown,
  most: number = MAX_TIMER_MS,
  least: number = 1,
): number {
  if (Number.isInteger(value) && (value as number) >= least && (value as number) <= most) return value as number
  const range = most === Infinity ? `of at least ${least}` : `from ${least} to ${most}`
  throw new TidewayError('ERR_BAD_OPTION', `${name} must be a whole number ${range}, not ${shown(value)}.`)
}

/**
 * Returns the value of an option that must be a finite number over 0 and at most `most`.
 * @throws TidewayError `ERR_BAD_OPTION` if it is not
 */
export function requirePositive(name: string, value: unknown, most: number = Infinity): number {
  if (Number.isFinite(value) && (value as number) > 0 && (value as number) <= most) return value as number
  const range = most === Infinity ? 'over 0' : `over 0 and at most ${most}`
  throw new TidewayError('ERR_BAD_OPTION', `${name} must be a number ${range}, not ${shown(value)}.`)
}

function shown(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value) : String(value)
}
