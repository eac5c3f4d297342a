import type { Message } from '../channel-layer.ts'

/** Every kind of value that a message may hold, at its edges, by what it is. Each has to arrive as it was sent. */
export const sendableValues: Readonly<Record<string, unknown>> = {
  null: null,
  true: true,
  false: false,
  zero: 0,
  'small integers': [1, -1, 127, 128, -32, -33, 255, 256, -128, -129, 65_535, 65_536, -32_768, -32_769],
  'integers around 32 bits': [2 ** 31 - 1, 2 ** 31, -(2 ** 31), -(2 ** 31) - 1, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 1],
  'the largest and smallest exact integers': [Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER],
  'integers of 64 bits': [2n ** 53n, -(2n ** 53n), 2n ** 63n - 1n, -(2n ** 63n), 2n ** 64n - 1n],
  fractions: [0.5, -0.1, 1e-300, Number.MIN_VALUE, Number.MAX_VALUE, Math.PI],
  'whole numbers beyond the exact integers': [2 ** 60, 1e20, -1e300],
  'the empty string': '',
  'text of all planes': 'a\0\n"\\é\u2028中\u{1F600}\u{10FFFF}',
  'texts around the borders of length': ['x'.repeat(31), 'x'.repeat(32), 'x'.repeat(255), 'x'.repeat(65_536)],
  'no bytes': new Uint8Array(0),
  'every byte': Uint8Array.from({ length: 256 }, (_, byte) => byte),
  'an empty list': [],
  'nested lists': [[[]], [1, [2, [3]]]],
  'a long list': Array.from({ length: 70_000 }, (_, index) => index % 10),
  'an empty object': {},
  'nested objects': { user: { name: 'Ada', tags: ['a', { b: null }] } },
  'keys of any kind': { '': 1, 'with space': 2, ключ: 3, constructor: 4, toString: 5, '7': 6, length: 7 },
}

/** One message for each of the {@link sendableValues}. */
export function valueMessages(): Message[] {
  return Object.entries(sendableValues).map(([kind, value]) => ({ type: 'contract.value', kind, value }))
}
