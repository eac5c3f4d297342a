import { encodeFrame, MAX_BYTES_PER_UNIT, opcodes, type Frame } from '../frame.ts'
import { Outbox } from '../outbox.ts'
import { encodeSmallerFrame } from './compressed-frame.ts'
import type { CompressionCounters } from './compression-counters.ts'
import type { ResolvedCompressionOptions } from './compression-options.ts'
import { deflateInThread, deflateNow, type DeflateJob } from './deflate.ts'
import type { JobQueue } from './job-queue.ts'

/** The part of a server's compression that an outbox uses. */
interface DeflateContext {
  readonly options: ResolvedCompressionOptions
  readonly jobs: JobQueue
  readonly counters: CompressionCounters
}

type Payload = string | Uint8Array

/** Enough for a handler that sends each member a few texts in turn: compressing costs more than comparing. */
const RECENT_TEXTS = 4

/**
 * The outbox of all connections that have the same parameters and compress each message independently: a message is compressed
 * once for all of them. They have their own tree of frames: otherwise members of one group with different frames of one
 * message would evict each other's nodes.
 */
export class DeflateOutbox extends Outbox {
  readonly #compression: DeflateContext
  readonly #windowBits: number
  readonly #recentTexts: { readonly text: string; readonly frame: Frame }[] = []
  #lastBytes: Uint8Array | undefined
  /** The content of the last bytes when they were framed: their sender may have changed them. */
  #lastBytesCopy: Buffer = EMPTY
  #lastBytesFrame: Frame | undefined
  /** The latest message that a thread is compressing. */
  #inThread: { readonly payload: Payload; readonly bytes: Buffer; readonly frame: Promise<Frame> } | undefined

  constructor(compression: DeflateContext, windowBits: number) {
    super()
    this.#compression = compression
    this.#windowBits = windowBits
  }

  override binaryFrame(bytes: Uint8Array): Frame {
    if (bytes === this.#lastBytes && this.#lastBytesCopy.equals(bytes)) return this.#lastBytesFrame!
    const copy = Buffer.from(bytes)
    const frame = this.#isBelowThreshold(copy) ? encodeFrame(opcodes.binary, copy) : this.#deflate(opcodes.binary, copy)
    this.#lastBytes = bytes
    this.#lastBytesCopy = copy
    this.#lastBytesFrame = frame
    return frame
  }

  /** The frame of a message that a thread compresses. Equal messages share a pending frame. */
  frameInThread(payload: Payload): Promise<Frame> {
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

  override textFrame(text: string): Frame {
    // An uncompressed text costs as much as without compression.
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

  /** Whether it is below the threshold. A text has at least one byte per UTF-16 unit, and at most three. */
  #isShort(text: string): boolean {
    const { thresholdBytes } = this.#compression.options
    const { length } = text
    if (length === 0 || length * MAX_BYTES_PER_UNIT < thresholdBytes) return true
    return length < thresholdBytes && Buffer.byteLength(text) < thresholdBytes
  }

  #isBelowThreshold(payload: Uint8Array): boolean {
    return payload.length < this.#compression.options.thresholdBytes || payload.length === 0
  }

  #deflate(opcode: typeof opcodes.text | typeof opcodes.binary, payload: Buffer): Frame {
    return this.#encode(opcode, payload, deflateNow(this.#job(payload)))
  }

  async #deflateInThread(opcode: typeof opcodes.text | typeof opcodes.binary, payload: Buffer): Promise<Frame> {
    const deflated = await this.#compression.jobs.run(() => deflateInThread(this.#job(payload)))
    return this.#encode(opcode, payload, deflated)
  }

  #encode(opcode: typeof opcodes.text | typeof opcodes.binary, payload: Buffer, deflated: Buffer): Frame {
    this.#compression.counters.sent.count(payload.length, deflated.length)
    return encodeSmallerFrame(opcode, payload, deflated)
  }

  #job(payload: Buffer): DeflateJob {
    return { payload, windowBits: this.#windowBits, dictionary: undefined, options: this.#compression.options }
  }
}

const EMPTY: Buffer = Buffer.alloc(0)
