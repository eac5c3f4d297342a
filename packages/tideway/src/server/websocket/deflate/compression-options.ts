import { requireWholeNumber } from '../../../errors/option-checks.ts'

/** How messages are compressed for clients that offer permessage-deflate (RFC 7692). Sizes in bytes. */
export interface CompressionOptions {
  /** Messages shorter than this are sent uncompressed: they fit into one packet. @default 1024 */
  readonly thresholdBytes?: number
  /**
   * Whether the server compresses each message independently. Then one compression serves all members of a group, and a connection
   * keeps no window. `false`: similar messages become smaller, but each connection compresses separately and keeps up to two
   * windows.
   * @default true
   */
  readonly serverNoContextTakeover?: boolean
  /**
   * Whether clients must compress each message independently. `false`: a client may refer to what it sent before, for which the server
   * keeps up to two windows (64 KiB at 15 bits) of each connection that sends compressed messages; a client that offers
   * `client_no_context_takeover` gets it in any case. Some clients, such as Tornado and Mojolicious, ignore the parameter if they
   * have not offered it: with `true` their connections are closed with 1007.
   * @default false
   */
  readonly clientNoContextTakeover?: boolean
  /** The base-2 logarithm of the window that the server compresses with, 9 to 15; a client may ask for less. @default 15 */
  readonly serverMaxWindowBits?: number
  /**
   * The same for clients, 9 to 15. Below 15, a client that offers no `client_max_window_bits` is served without compression.
   * @default 15
   */
  readonly clientMaxWindowBits?: number
  /** zlib's level, 1 (fast) to 9 (small). @default 6 */
  readonly level?: number
  /** How much memory zlib uses to compress, 1 to 9: 2^(memLevel + 9) bytes in addition to the window. @default 8 */
  readonly memLevel?: number
  /**
   * Messages of at least this size are compressed in a thread, smaller ones at once: up to about 32 kB a thread costs more
   * than it saves the event loop. Received messages that inflate to more than 8 times this are inflated in a thread.
   * @default 32768
   */
  readonly threadBytes?: number
  /** How many messages of the server are compressed in threads at a time; Node has 4 threads in total. @default 2 */
  readonly concurrency?: number
}

/** {@link CompressionOptions} with every default filled in. */
export type ResolvedCompressionOptions = Readonly<Required<CompressionOptions>>

/** The defaults of {@link CompressionOptions}. */
export const compressionDefaults: ResolvedCompressionOptions = Object.freeze({
  thresholdBytes: 1024,
  serverNoContextTakeover: true,
  clientNoContextTakeover: false,
  serverMaxWindowBits: 15,
  clientMaxWindowBits: 15,
  level: 6,
  memLevel: 8,
  threadBytes: 32 * 1024,
  concurrency: 2,
})

const ranges = {
  thresholdBytes: [0, Infinity],
  // zlib has no raw deflate with a window of 256 bytes: asked for 8 bits, it uses 9 (RFC 7692 §7.1.2 begins at 8).
  serverMaxWindowBits: [9, 15],
  clientMaxWindowBits: [9, 15],
  level: [1, 9],
  memLevel: [1, 9],
  threadBytes: [1, Infinity],
  concurrency: [1, Infinity],
} as const satisfies Partial<Record<keyof CompressionOptions, readonly [number, number]>>

/** Fills in the defaults. @throws TidewayError `ERR_BAD_OPTION` for a number that is not whole or is outside its range */
export function resolveCompression(options: CompressionOptions): ResolvedCompressionOptions {
  const given = Object.entries(options).filter(([, value]) => value !== undefined)
  const resolved = { ...compressionDefaults, ...(Object.fromEntries(given) as CompressionOptions) }
  for (const [name, [least, most]] of Object.entries(ranges)) {
    requireWholeNumber(`compression.${name}`, resolved[name as keyof typeof ranges], most, least)
  }
  return resolved
}
