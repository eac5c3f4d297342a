import { encodeFrame, opcodes } from '../frame.ts'
import { Outbox } from '../outbox.ts'
import { encodeSmallerFrame } from './compressed-frame.ts'
import type { CompressionCounters } from './compression-counters.ts'
import type { ResolvedCompressionOptions } from './compression-options.ts'
import { deflateInThread, deflateNow, type DeflateJob } from './deflate.ts'
import type { JobQueue } from './job-queue.ts'

/** What an outbox uses of the compression of its server. */
interface DeflateContext {
  readonly options: ResolvedCompressionOptions
  readonly jobs: JobQueue
  readonly counters: CompressionCounters
}

type Payload = string | Uint8Array

/** Enough for a handler that sends each member a few texts in turn: to compress is dearer than to compare. */
const RECENT_TEXTS = 4

/** Of a character as `length` counts them: two of those make a longer one, which has four. */
const MAX_BYTES_A_CHARACTER = 3

/**
 * What all connections are to write that share their parameters and compress each message for itself: a message is
 * compressed once, however many of them are sent it. Their frames have a tree of their own, as members of one group that
 * are sent different frames of one message would else push each other's out of it.
 */
export class DeflateOutbox extends Outbox {
  readonly #compression: DeflateContext
  readonly #windowBits: number
  readonly #recentTexts: { readonly text: string; readonly frame: Buffer }[] = []
  #lastBytes: Uint8Array | undefined
  /** What the last bytes were when they were framed: their sender may have filled them anew. */
  #lastBytesCopy: Buffer = EMPTY
  #lastBytesFrame: Buffer | undefined
  /** The last message that is being compressed in a thread. */
  #inThread: { readonly payload: Payload; readonly bytes: Buffer; readonly frame: Promise<Buffer> } | undefined

  constructor(compression: DeflateContext, windowBits: number) {
    super()
    this.#compression = compression
    this.#windowBits = windowBits
  }

  override binaryFrame(bytes: Uint8Array): Buffer {
    if (bytes === this.#lastBytes && this.#lastBytesCopy.equals(bytes)) return this.#lastBytesFrame!
    const copy = Buffer.from(bytes)
    const frame = this.#isBelowThreshold(copy) ? encodeFrame(opcodes.binary, copy) : this.#deflate(opcodes.binary, copy)
    this.#lastBytes = bytes
    this.#lastBytesCopy = copy
    this.#lastBytesFrame = frame
    return frame
  }

  /** The frame of a message that is compressed in a thread. Until it is ready it is made once for equal messages. */
  frameInThread(payload: Payload): Promise<Buffer> {
    const last = this.#inThread
    const isSame = last?.payload === payload && (typeof payload === 'string' || last.bytes.equals(payload))
    if (isSame) return last.frame
    const isText = typeof payload === 'string'
    const bytes = isText ? Buffer.from(payload) : Buffer.from(payload)
    const frame = this.#deflateInThread(isText ? opcodes.text : opcodes.binary, bytes)
    const inThread = { payload, bytes, frame }
    this.#inThread = inThread
    const forget = (): void => {
      if (this.#inThread === inThread) this.#inThread = undefined
    }
    frame.then(forget, forget)
    return frame
  }

  override textFrame(text: string): Buffer {
    // What is not compressed costs what it does without compression.
    if (this.#isShort(text)) return super.textFrame(text)
    for (const recent of this.#recentTexts) {
      if (recent.text === text) return recent.frame
    }
    const frame = this.#deflate(opcodes.text, Buffer.from(text))
    if (this.#recentTexts.length === RECENT_TEXTS) this.#recentTexts.shift()
    this.#recentTexts.push({ text, frame })
    return frame
  }

  protected override forget(): void {
    super.forget()
    this.#recentTexts.length = 0
    this.#lastBytes = this.#lastBytesFrame = undefined
    this.#lastBytesCopy = EMPTY
  }

  /** Whether it is below the threshold. A text has as many bytes as characters at least, and three times as many at most. */
  #isShort(text: string): boolean {
    const { thresholdBytes } = this.#compression.options
    const { length } = text
    if (length === 0 || length * MAX_BYTES_A_CHARACTER < thresholdBytes) return true
    return length < thresholdBytes && Buffer.byteLength(text) < thresholdBytes
  }

  #isBelowThreshold(payload: Uint8Array): boolean {
    return payload.length < this.#compression.options.thresholdBytes || payload.length === 0
  }

  #deflate(opcode: typeof opcodes.text | typeof opcodes.binary, payload: Buffer): Buffer {
    return this.#encode(opcode, payload, deflateNow(this.#job(payload)))
  }

  async #deflateInThread(opcode: typeof opcodes.text | typeof opcodes.binary, payload: Buffer): Promise<Buffer> {
    const deflated = await this.#compression.jobs.run(() => deflateInThread(this.#job(payload)))
    return this.#encode(opcode, payload, deflated)
  }

  #encode(opcode: typeof opcodes.text | typeof opcodes.binary, payload: Buffer, deflated: Buffer): Buffer {
    this.#compression.counters.sent.count(payload.length, deflated.length)
    return encodeSmallerFrame(opcode, payload, deflated)
  }

  #job(payload: Buffer): DeflateJob {
    return { payload, windowBits: this.#windowBits, dictionary: undefined, options: this.#compression.options }
  }
}

const EMPTY: Buffer = Buffer.alloc(0)
