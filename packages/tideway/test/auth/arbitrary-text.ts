import * as fc from 'fast-check'

/** Every string that a header can hold: any bytes, as Latin-1. */
export const byteText: fc.Arbitrary<string> = fc
  .uint8Array({ maxLength: 300 })
  .map((bytes) => Buffer.from(bytes).toString('latin1'))

/** Every string that a program can pass: any UTF-16, including lone surrogates. */
export const anyText: fc.Arbitrary<string> = fc
  .uint16Array({ maxLength: 100 })
  .map((units) => String.fromCharCode(...units))
