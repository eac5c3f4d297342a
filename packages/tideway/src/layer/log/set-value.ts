import { requireWholeNumber } from '../../errors/option-checks.ts'
import { TidewayError } from '../../errors/tideway-error.ts'
import type { SetOptions } from './event-log.ts'
import { keepDefaults, MAX_KEY_LENGTH, MAX_KEYS, type Keep, type SetValueOptions } from './kept-groups-options.ts'
import { parsePosition } from './position.ts'
import { encodeDeletion, encodeValue } from './state-body.ts'

/** UTF-8 cannot represent it. */
const loneSurrogate = /\p{Surrogate}/u

/** Fills in the defaults. @throws TidewayError `ERR_BAD_OPTION` */
export function requireKeep(keep: Keep): Required<{ [Name in keyof Keep]: number }> {
  const { maxKeys = keepDefaults.maxKeys, maxBytes = keepDefaults.maxBytes, ttlMs = keepDefaults.ttlMs } = keep
  requireWholeNumber('keep.maxKeys', maxKeys, MAX_KEYS)
  requireWholeNumber('keep.maxBytes', maxBytes, Infinity)
  requireWholeNumber('keep.ttlMs', ttlMs, Infinity)
  return { maxKeys, maxBytes, ttlMs }
}

/**
 * Makes the change of a key for its log.
 * @param valueJson the value as JSON; `undefined` deletes the key
 * @throws TidewayError `ERR_BAD_OPTION` for a key or an option out of its range, `ERR_BAD_POSITION` for `ifVersion`
 */
export function changeToSet(
  key: string,
  valueJson: string | undefined,
  { ttlMs, ifVersion }: SetValueOptions,
  keep: Keep,
): SetOptions & { readonly body: string } {
  if (typeof key !== 'string' || key.length === 0 || key.length > MAX_KEY_LENGTH || loneSurrogate.test(key)) {
    throw new TidewayError(
      'ERR_BAD_OPTION',
      `The key of a value must be a string of 1 to ${MAX_KEY_LENGTH} characters, without half of a surrogate pair.`,
    )
  }
  if (ttlMs !== undefined) requireWholeNumber('ttlMs', ttlMs, Infinity)
  const { maxKeys, maxBytes, ttlMs: headTtlMs } = requireKeep(keep)
  const deletion = encodeDeletion(key)
  return {
    body: valueJson === undefined ? deletion : encodeValue(key, valueJson, ttlMs),
    maxKeys,
    maxBytes,
    headTtlMs,
    ...(valueJson === undefined && { deletes: true }),
    ...(ttlMs !== undefined && { expiry: { afterMs: ttlMs, body: deletion } }),
    ...(ifVersion !== undefined && { ifVersion: ifVersion === null ? null : parsePosition(ifVersion) }),
  }
}

/** The error of a change over the bounds of a group. */
export function groupFull(group: string, { maxKeys, maxBytes }: SetOptions): TidewayError {
  return new TidewayError(
    'ERR_GROUP_FULL',
    `The group "${group}" cannot have more than ${maxKeys} keys and ${maxBytes} bytes of values: delete some, or raise "keep".`,
  )
}
