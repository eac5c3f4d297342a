import { inflateRaw, inflateRawSync, type ZlibOptions } from 'node:zlib'

/** How one message is inflated. */
export interface InflateJob {
  /** The message as it came. */
  readonly payload: Buffer
  readonly windowBits: number
  /** What came in earlier messages, at most a window; `undefined` or empty: nothing. */
  readonly dictionary: Buffer | undefined
}

/** The message; or that it would have more bytes than it may; or that it is no deflate stream. */
export type Inflated = Buffer | 'too large' | 'invalid'

/** What zlib answers when it is asked for `info`. */
interface WithInfo {
  readonly buffer: Buffer
  readonly engine: { readonly bytesWritten: number }
}

/**
 * RFC 7692 §7.2.2: what the sender left off its flush; then a final block that is empty. zlib reaches that only if the
 * message is whole, and says so if it is cut off inside a block.
 */
const TAIL: Buffer = Buffer.from('0000ffff010000ffff', 'hex')

/**
 * A final block ends zlib's work, and the next block, which RFC 7692 §7.2.1 allows, needs a new engine: a message of
 * nothing but final blocks of 2 bytes would cost more than any honest one of its size.
 */
const MAX_FINAL_BLOCKS = 16

const MIN_CHUNK = 4 * 1024
const MAX_CHUNK = 64 * 1024

/** Inflates a message (RFC 7692 §7.2.2) at once, and no further than to `maxBytes`. */
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

/** The way through one message: mostly one step, and one more for each final block in its middle. */
class Inflating {
  readonly #job: InflateJob
  readonly #maxBytes: number
  readonly #pieces: Buffer[] = []
  #length = 0
  #input: Buffer

  constructor(job: InflateJob, maxBytes: number) {
    this.#job = job
    this.#maxBytes = maxBytes
    // A message of no bytes at all is not quite right (§7.2.3.6 has one byte), but can only mean one thing.
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
      // 0 would be no bound at all; the step after is over it then.
      maxOutputLength: Math.max(1, this.#maxBytes - this.#length),
      ...(before !== undefined && before.length > 0 && { dictionary: before }),
    }
  }

  /** Whether blocks are left: more than the tail and what a final block has before it (RFC 7692 §7.2.3.4). */
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
    // zlib's chunks are larger than what is in them, and a small message must not keep a large one.
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
