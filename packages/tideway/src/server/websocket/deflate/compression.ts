import type { CompressionNegotiator, DeflateParameters } from '../../handshake/deflate-parameters.ts'
import { Outbox } from '../outbox.ts'
import { CompressionCounters } from './compression-counters.ts'
import { resolveCompression, type CompressionOptions, type ResolvedCompressionOptions } from './compression-options.ts'
import { DeflateOutbox } from './deflate-outbox.ts'
import { parseExtensions } from './extension-header.ts'
import { JobQueue } from './job-queue.ts'
import { negotiate } from './negotiate.ts'

/** What the compressed connections of a server share. */
export class Compression implements CompressionNegotiator {
  readonly options: ResolvedCompressionOptions
  /** From which size on messages are compressed in a thread: none that is not compressed at all. */
  readonly threadFromBytes: number
  /** The work in threads, of all connections. */
  readonly jobs: JobQueue
  readonly counters: CompressionCounters = new CompressionCounters()
  /** By window bits. */
  readonly #shared = new Map<number, DeflateOutbox>()
  /** For connections whose frames depend on what they were sent before. */
  readonly #own = new Outbox()

  /** @throws TidewayError `ERR_BAD_OPTION` */
  constructor(options: CompressionOptions) {
    this.options = resolveCompression(options)
    this.threadFromBytes = Math.max(this.options.threadBytes, this.options.thresholdBytes)
    this.jobs = new JobQueue(this.options.concurrency)
  }

  /**
   * What to answer to a `Sec-WebSocket-Extensions` header. `undefined`: no compression. `'malformed'`: the handshake has
   * to fail (RFC 6455 §9.1).
   */
  negotiate(header: string | undefined): DeflateParameters | 'malformed' | undefined {
    if (header === undefined) return undefined
    const offers = parseExtensions(header)
    return offers === undefined ? 'malformed' : negotiate(offers, this.options)
  }

  /** Where connections with these parameters queue their frames; a {@link DeflateOutbox} if they can share them. */
  outbox({ serverNoContextTakeover, serverMaxWindowBits }: DeflateParameters): Outbox {
    if (!serverNoContextTakeover) return this.#own
    let outbox = this.#shared.get(serverMaxWindowBits)
    if (outbox === undefined) {
      outbox = new DeflateOutbox(this, serverMaxWindowBits)
      this.#shared.set(serverMaxWindowBits, outbox)
    }
    return outbox
  }
}
