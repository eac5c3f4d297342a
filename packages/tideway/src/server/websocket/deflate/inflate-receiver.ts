import { isUtf8 } from 'node:buffer'
import { closeCodes } from '../../../asgi/close-codes.ts'
import { decodeText } from '../decode-text.ts'
import type { CompressedSink } from '../frame-parser.ts'
import type { PeerContext } from '../peer-owner.ts'
import { maxCompressedBytes } from './compressed-assembler.ts'
import type { Compression, NegotiatedCompression } from './compression.ts'
import { History } from './history.ts'
import { inflateInThread, inflateNow, type Inflated, type InflateJob } from './inflate.ts'

/** The part of a peer that its receiver uses. */
export interface ReceivingPeer {
  readonly isOpen: boolean
  /** Passes a message to the owner. `false`: reading is paused until `resume()`. */
  deliver(message: string | Buffer): boolean
  /** Stops reading until `resume()`. */
  pause(): void
  resume(): void
  /** Ends the connection after a protocol error that the parser does not detect. */
  fail(code: number, message: string): void
}

/** Inflating is this many times faster than deflating, so larger messages are inflated at once. */
const INFLATES_FASTER = 8

/** Inflates the messages that one connection receives with permessage-deflate. */
export class InflateReceiver implements CompressedSink {
  readonly #peer: ReceivingPeer
  readonly #options: PeerContext['options']
  readonly #counters: PeerContext['counters']
  readonly #compression: Compression
  readonly #windowBits: number
  readonly #receivedBefore: History | undefined
  #isInflating = false

  constructor(
    peer: ReceivingPeer,
    { options, counters }: Pick<PeerContext, 'options' | 'counters'>,
    { compression, parameters }: NegotiatedCompression,
  ) {
    this.#peer = peer
    this.#options = options
    this.#counters = counters
    this.#compression = compression
    this.#windowBits = parameters.clientMaxWindowBits
    this.#receivedBefore = parameters.clientNoContextTakeover ? undefined : new History(parameters.clientMaxWindowBits)
  }

  /** Whether a thread inflates a message. Reading is paused until then. */
  get isInflating(): boolean {
    return this.#isInflating
  }

  onCompressed(isText: boolean, payload: Buffer): void {
    if (!this.#peer.isOpen) return
    this.#counters.received(isText, payload.length)
    const { maxMessageBytes } = this.#options
    const atOnce = Math.min(maxMessageBytes, this.#compression.options.threadBytes * INFLATES_FASTER)
    const job: InflateJob = { payload, windowBits: this.#windowBits, dictionary: this.#receivedBefore?.bytes }
    // The inflated size is unknown. Most messages are small; the start of a large one is inflated twice.
    const inflated = payload.length > maxCompressedBytes(atOnce) ? 'too large' : inflateNow(job, atOnce)
    if (inflated === 'too large' && atOnce < maxMessageBytes) void this.#inflateLater(isText, job)
    else this.#onInflated(isText, inflated, payload.length)
  }

  async #inflateLater(isText: boolean, job: InflateJob): Promise<void> {
    this.#isInflating = true
    this.#peer.pause()
    const { maxMessageBytes } = this.#options
    const inflated = await this.#compression.jobs.run(() =>
      this.#peer.isOpen ? inflateInThread(job, maxMessageBytes) : 'invalid',
    )
    this.#isInflating = false
    if (!this.#peer.isOpen || this.#onInflated(isText, inflated, job.payload.length)) this.#peer.resume()
  }

  /** `false`: reading is paused. */
  #onInflated(isText: boolean, inflated: Inflated, compressedBytes: number): boolean {
    if (inflated === 'too large') {
      this.#peer.fail(closeCodes.messageTooBig, `message over ${this.#options.maxMessageBytes} bytes`)
    } else if (inflated === 'invalid') {
      this.#peer.fail(closeCodes.invalidPayload, 'compressed data that is not a deflate stream')
    } else {
      this.#compression.counters.received.count(inflated.length, compressedBytes)
      this.#receivedBefore?.append(inflated)
      if (!isText) return this.#peer.deliver(inflated)
      if (isUtf8(inflated)) return this.#peer.deliver(decodeText(inflated))
      this.#peer.fail(closeCodes.invalidPayload, 'text that is not UTF-8')
    }
    return true
  }
}
