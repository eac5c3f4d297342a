import { constants, deflateRaw, deflateRawSync, type ZlibOptions } from 'node:zlib'
import type { ResolvedCompressionOptions } from './compression-options.ts'

/** How one message is compressed. */
export interface DeflateJob {
  readonly payload: Uint8Array
  readonly windowBits: number
  /** Earlier messages, at most a window; `undefined` or empty: none. */
  readonly dictionary: Buffer | undefined
  readonly options: ResolvedCompressionOptions
}

/** RFC 7692 §7.2.1: the empty block at the end of a flush, `00 00 ff ff`, is not sent. */
const TAIL_BYTES = 4

/** zlib refers back at most a window minus this many bytes (MIN_LOOKAHEAD). */
const LOOKAHEAD_BYTES = 262

const MAX_CHUNK = 64 * 1024

/** Compresses a message (RFC 7692 §7.2.1) at once. The payload must not be empty. */
export function deflateNow(job: DeflateJob): Buffer {
  return withoutTail(deflateRawSync(job.payload, zlibOptions(job)))
}

/** The same in a thread. */
export function deflateInThread(job: DeflateJob): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    deflateRaw(job.payload, zlibOptions(job), (error, deflated) => {
      if (error === null) resolve(withoutTail(deflated))
      else reject(error)
    })
  })
}

function zlibOptions({ payload, windowBits, dictionary, options }: DeflateJob): ZlibOptions {
  const hasDictionary = dictionary !== undefined && dictionary.length > 0
  // zlib allocates and clears its memory for each message, so a window larger than the message is useless.
  const useful = hasDictionary ? windowBits : Math.ceil(Math.log2(payload.length + LOOKAHEAD_BYTES))
  const bits = Math.min(windowBits, Math.max(9, useful))
  return {
    windowBits: bits,
    level: options.level,
    memLevel: Math.min(options.memLevel, bits - 6),
    chunkSize: Math.min(MAX_CHUNK, payload.length + 64),
    finishFlush: constants.Z_SYNC_FLUSH,
    ...(hasDictionary && { dictionary }),
  }
}

function withoutTail(deflated: Buffer): Buffer {
  return deflated.subarray(0, deflated.length - TAIL_BYTES)
}
