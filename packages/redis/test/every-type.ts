import { float, int, map, type Tagged } from './python-peer.ts'

/** A message with every type that both sides and both serializers support. */
export const everyType = {
  type: 'every.type',
  text: 'aé日😀\u0000',
  small: -7,
  large: 2 ** 40,
  huge: 2n ** 63n,
  fraction: 1.5,
  yes: true,
  nothing: null,
  list: [1, ['a', []]],
  map: { inner: { deeper: 'x' } },
}
/** The same message in Python. */
export const everyTypeInPython: Record<string, Tagged> = {
  type: 'every.type',
  text: 'aé日😀\u0000',
  small: int(-7),
  large: int(2 ** 40),
  huge: int(2n ** 63n),
  fraction: float('1.5'),
  yes: true,
  nothing: null,
  list: [int(1), ['a', []]],
  map: map({ inner: map({ deeper: 'x' }) }),
}
