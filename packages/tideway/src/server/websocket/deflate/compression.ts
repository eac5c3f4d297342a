import type { CompressionNegotiator, DeflateParameters } from '../../handshake/deflate-parameters.ts'
import { Outbox } from '../outbox.ts'
import { CompressionCounters } from './compression-counters.ts'
import { resolveCompression, type CompressionOptions, type ResolvedCompressionOptions } from './compression-options.ts'
import { DeflateOutbox } from './deflate-outbox.ts'
import { parseExtensions } from './extension-header.ts'
import { JobQueue } from './job-queue.ts'
import { negotiate } from './negotiate.ts'

/** The compression of one connection. */
export interface NegotiatedCompression {
  readonly compression: Compression
  readonly parameters: DeflateParameters
}

/** The shared objects of a server's compressed connections. */
export class Compression implements CompressionNegotiator {
  readonly options: ResolvedCompressionOptions
  /** The size from which messages are compressed in a thread. It is not below the threshold of compression. */
  readonly threadFromBytes: number
  /** The jobs in threads, of all connections. */
  readonly jobs: JobQueue
  readonly counters: CompressionCounters = new CompressionCounters()
  /** By window bits. */
  readonly #shared = new Map<number, DeflateOutbox>()
  /** For connections whose frames depend on earlier messages. */
  readonly #own = new Outbox()

  /** @throws TidewayError `ERR_BAD_OPTION` */
  constructor(options: CompressionOptions) {
    this.options = resolveCompression(options)
    this.threadFromBytes = Math.max(this.options.threadBytes, this.options.thresholdBytes)
    this.jobs = new JobQueue(this.options.concurrency)
  }

  /**
   * Negotiates a `Sec-WebSocket-Extensions` header. Returns `undefined` for no compression, and `'malformed'` if the handshake has
   * to fail (RFC 6455 §9.1).
   */
  negotiate(header: string | undefined): DeflateParameters | 'malformed' | undefined {
    if (header === undefined) return undefined
    const offers = parseExtensions(header)
    return offers === undefined ? 'malformed' : negotiate(offers, this.options)
  }

  /** The outbox of connections with these parameters; a {@link DeflateOutbox} if they can share frames. */
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
