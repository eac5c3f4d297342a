import { inflateRaw, inflateRawSync, type ZlibOptions } from 'node:zlib'

/** How one message is inflated. */
export interface InflateJob {
  /** The compressed message. */
  readonly payload: Buffer
  readonly windowBits: number
  /** Earlier messages, at most a window; `undefined` or empty: none. */
  readonly dictionary: Buffer | undefined
}

/** The message, or the reason for its rejection. */
export type Inflated = Buffer | 'too large' | 'invalid'

/** The result of zlib with the option `info`. */
interface WithInfo {
  readonly buffer: Buffer
  readonly engine: { readonly bytesWritten: number }
}

/**
 * RFC 7692 §7.2.2: the bytes that the sender omits, then an empty final block. zlib reaches it only if the message is whole, and
 * fails if a block is truncated.
 */
const TAIL: Buffer = Buffer.from('0000ffff010000ffff', 'hex')

/**
 * A final block ends zlib's work, and the next block, which RFC 7692 §7.2.1 allows, needs a new engine: a message of
 * nothing but final blocks of 2 bytes would cost more than any honest one of its size.
 */
const MAX_FINAL_BLOCKS = 16

const MIN_CHUNK = 4 * 1024
const MAX_CHUNK = 64 * 1024

/** Inflates a message (RFC 7692 §7.2.2) at once, up to `maxBytes`. */
export function inflateNow(job: InflateJob, maxBytes: number): Inflated {
  const inflating = new Inflating(job, maxBytes)
  try {
    while (inflating.hasMore) inflating.take(inflateRawSync(inflating.input, inflating.options) as unknown as WithInfo)
  } catch (error) {
    return problemOf(error)
  }
  return inflating.result()
}

/** The same in a thread. */
export async function inflateInThread(job: InflateJob, maxBytes: number): Promise<Inflated> {
  const inflating = new Inflating(job, maxBytes)
  try {
    while (inflating.hasMore) {
      const { input, options } = inflating
      inflating.take(
        await new Promise((resolve, reject) => {
          inflateRaw(input, options, (error, result) => {
            if (error === null) resolve(result as unknown as WithInfo)
            else reject(error)
          })
        }),
      )
    }
  } catch (error) {
    return problemOf(error)
  }
  return inflating.result()
}

/** The inflation of one message: usually one step, and one more for each final block in its middle. */
class Inflating {
  readonly #job: InflateJob
  readonly #maxBytes: number
  readonly #pieces: Buffer[] = []
  #length = 0
  #input: Buffer

  constructor(job: InflateJob, maxBytes: number) {
    this.#job = job
    this.#maxBytes = maxBytes
    // An empty message is not quite valid (§7.2.3.6 has one byte), but is unambiguous.
    this.#input = job.payload.length === 0 ? job.payload : Buffer.concat([job.payload, TAIL])
  }

  get input(): Buffer {
    return this.#input
  }

  get options(): ZlibOptions {
    const { dictionary } = this.#job
    const before = this.#length === 0 ? dictionary : this.#window()
    return {
      info: true,
      windowBits: this.#job.windowBits,
      chunkSize: Math.min(MAX_CHUNK, Math.max(MIN_CHUNK, this.#input.length * 4)),
      // 0 means no bound for zlib; with 1 the next step exceeds it.
      maxOutputLength: Math.max(1, this.#maxBytes - this.#length),
      ...(before !== undefined && before.length > 0 && { dictionary: before }),
    }
  }

  /** Whether blocks are left: more than the tail and the byte before a final block (RFC 7692 §7.2.3.4). */
  get hasMore(): boolean {
    return this.#input.length > (this.#pieces.length === 0 ? 0 : TAIL.length + 1) && this.#length <= this.#maxBytes
  }

  take({ buffer, engine }: WithInfo): void {
    this.#pieces.push(buffer)
    this.#length += buffer.length
    this.#input = this.#input.subarray(engine.bytesWritten)
    if (this.#pieces.length > MAX_FINAL_BLOCKS) throw new RangeError('Too many final blocks in one message.')
  }

  result(): Inflated {
    if (this.#length > this.#maxBytes) return 'too large'
    const [first] = this.#pieces
    // zlib's chunks are larger than their content, and a small message must not keep a large chunk.
    if (this.#pieces.length === 1 && first!.length * 2 >= first!.buffer.byteLength) return first!
    return Buffer.concat(this.#pieces, this.#length)
  }

  #window(): Buffer {
    const all = Buffer.concat([this.#job.dictionary ?? Buffer.alloc(0), ...this.#pieces])
    return all.subarray(-(2 ** this.#job.windowBits))
  }
}

function problemOf(error: unknown): Exclude<Inflated, Buffer> {
  return (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE' ? 'too large' : 'invalid'
}
