import { TidewayError } from 'tideway/layer/kit'

/** The longest delay of `setTimeout`, in milliseconds. */
export const MAX_TIMER_MS: number = 2 ** 31 - 1

/**
 * @param most the largest valid value
 * @throws TidewayError `ERR_BAD_OPTION`
 */
export function positiveOption(name: string, value: number, most: number = MAX_TIMER_MS): number {
  if (Number.isInteger(value) && value >= 1 && value <= most) return value
  throw new TidewayError('ERR_BAD_OPTION', `${name} must be a whole number from 1 to ${most}, not ${value}.`)
}
