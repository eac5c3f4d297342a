import { isAscii, transcode } from 'node:buffer'

/**
 * From this size on, decoding by way of UTF-16 is faster. Measured with Korean text, CPU of a MiB in Node 20: `toString()` 8.3 ms, `transcode()` 1.3 ms
 * for messages of 5 kB and 0.9 ms from 20 kB on; at 80 bytes 13 ms and 31 ms.
 */
const TRANSCODE_FROM_BYTES = 1024

/** Decodes valid UTF-8. The result for invalid UTF-8 is undefined. */
export function decodeText(utf8: Buffer): string {
  if (utf8.length < TRANSCODE_FROM_BYTES) return utf8.toString()
  // ASCII becomes a string of one byte per character, which is a copy.
  if (isAscii(utf8)) return utf8.toString('latin1')
  return transcode(utf8, 'utf8', 'utf16le').toString('utf16le')
}
