import { isUtf8 } from 'node:buffer'
import type { Duplex } from 'node:stream'
import { closeCodes } from '../../../asgi/close-codes.ts'
import type { WebSocketMessageSendEvent } from '../../../asgi/websocket-events.ts'
import { isConnectionClosed } from '../../../errors/connection-closed.ts'
import type { ConnectionCounters } from '../connection-counters.ts'
import type { ConnectionSettings } from '../websocket-options.ts'
import { decodeText } from '../decode-text.ts'
import { encodeFrame, encodeTextFrame, opcodes } from '../frame.ts'
import type { PeerContext, PeerOwner } from '../peer-owner.ts'
import type { DeflateParameters } from '../../handshake/deflate-parameters.ts'
import { WebSocketPeer } from '../websocket-peer.ts'
import { maxCompressedBytes } from './compressed-assembler.ts'
import { encodeSmallerFrame, isCompressedFrame } from './compressed-frame.ts'
import type { Compression } from './compression.ts'
import { DeflateOutbox } from './deflate-outbox.ts'
import { deflateInThread, deflateNow, type DeflateJob } from './deflate.ts'
import { History } from './history.ts'
import { inflateInThread, inflateNow, type Inflated, type InflateJob } from './inflate.ts'

/** A message that waits for its compression, or for that of an earlier message. */
interface Waiting {
  readonly payload: string | Buffer
  readonly bytes: number
  /** The frame shared with other connections; `undefined`: it is encoded when its turn comes. */
  readonly frame: Promise<Buffer> | undefined
  readonly resolve: (above: void | Promise<void>) => void
  readonly reject: (error: unknown) => void
}

/** Inflating is this many times faster than deflating, so larger messages are inflated at once. */
const INFLATES_FASTER = 8

/**
 * The protocol side of a connection with permessage-deflate. zlib is called once per message and keeps no state, so there is no
 * engine to close; context takeover uses a dictionary of earlier messages.
 */
export class CompressedPeer extends WebSocketPeer {
  readonly #options: ConnectionSettings
  readonly #counters: ConnectionCounters
  readonly #buffered: PeerContext['buffered']
  readonly #compression: Compression
  readonly #parameters: DeflateParameters
  readonly #shared: DeflateOutbox | undefined
  readonly #sent: History | undefined
  readonly #receivedBefore: History | undefined
  readonly #queue: Waiting[] = []
  #queuedBytes = 0
  /** The close after the queued messages. */
  #closing: { readonly code: number; readonly reason: string } | undefined
  #isInflating = false
  #wasDropped = false

  constructor(
    socket: Duplex,
    { options, heartbeat, counters, buffered }: PeerContext,
    owner: PeerOwner,
    compression: Compression,
    parameters: DeflateParameters,
  ) {
    const outbox = compression.outbox(parameters)
    super(socket, { options, outbox, heartbeat, counters, buffered }, owner)
    this.#options = options
    this.#counters = counters
    this.#buffered = buffered
    this.#compression = compression
    this.#parameters = parameters
    this.#shared = outbox instanceof DeflateOutbox ? outbox : undefined
    this.#sent = parameters.serverNoContextTakeover ? undefined : new History(parameters.serverMaxWindowBits)
    this.#receivedBefore = parameters.clientNoContextTakeover ? undefined : new History(parameters.clientMaxWindowBits)
  }

  override sendText(text: string): void | Promise<void> {
    if (this.#queue.length > 0 || text.length >= this.#compression.threadFromBytes) return this.#sendLater(text)
    return this.#sendAtOnce(text)
  }

  override sendBytes(bytes: Uint8Array): void | Promise<void> {
    if (this.#queue.length > 0 || bytes.byteLength >= this.#compression.threadFromBytes) {
      return this.#sendLater(bytes)
    }
    return this.#sendAtOnce(bytes)
  }

  // Frames are shared by content and not by event: two connections may have different parameters.
  override sendShared(event: WebSocketMessageSendEvent): void | Promise<void> {
    return event.text === undefined ? this.sendBytes(event.bytes) : this.sendText(event.text)
  }

  override close(code: number, reason: string): void {
    // Earlier messages precede the close frame.
    if (this.#queue.length > 0 && this.isOpen) this.#closing ??= { code, reason }
    else super.close(code, reason)
  }

  override get isEnding(): boolean {
    return this.#closing !== undefined || super.isEnding
  }

  override get bufferedBytes(): number {
    return super.bufferedBytes + this.#queuedBytes
  }

  override resume(): void {
    if (!this.#isInflating) super.resume()
  }

  /** A compressed message, from the parser. */
  onCompressed(isText: boolean, payload: Buffer): void {
    if (!this.isOpen) return
    this.#counters.received(isText, payload.length)
    const { maxMessageBytes } = this.#options
    const atOnce = Math.min(maxMessageBytes, this.#compression.options.threadBytes * INFLATES_FASTER)
    const { clientMaxWindowBits: windowBits } = this.#parameters
    const job: InflateJob = { payload, windowBits, dictionary: this.#receivedBefore?.bytes }
    // The inflated size is unknown. Most messages are small; the start of a large one is inflated twice.
    const inflated = payload.length > maxCompressedBytes(atOnce) ? 'too large' : inflateNow(job, atOnce)
    if (inflated === 'too large' && atOnce < maxMessageBytes) void this.#inflateLater(isText, job)
    else this.#inflated(isText, inflated, payload.length)
  }

  protected override drop(): void {
    this.#wasDropped = true
    super.drop()
  }

  #sendAtOnce(payload: string | Uint8Array): void | Promise<void> {
    // The outbox shares frames and computes the length once, not per member.
    if (this.#sent === undefined || !this.#isCompressed(payload)) {
      return typeof payload === 'string' ? super.sendText(payload) : super.sendBytes(payload)
    }
    const data = typeof payload === 'string' ? Buffer.from(payload) : payload
    return this.#sendInContext(typeof payload === 'string', data, deflateNow(this.#deflateJob(data)))
  }

  #isCompressed(payload: string | Uint8Array): boolean {
    const bytes = typeof payload === 'string' ? Buffer.byteLength(payload) : payload.byteLength
    return bytes > 0 && bytes >= this.#compression.options.thresholdBytes
  }

  /** Sends a message that was compressed with the history, and adds it to the history. */
  #sendInContext(isText: boolean, payload: Uint8Array, deflated: Buffer): void | Promise<void> {
    const frame = encodeSmallerFrame(isText ? opcodes.text : opcodes.binary, payload, deflated)
    this.#compression.counters.sent.count(payload.length, deflated.length)
    this.#wasDropped = false
    const above = this.sendFrame(frame)
    // The client's history has only messages that were sent, and only compressed ones (RFC 7692 §7.2.3.2).
    if (!this.#wasDropped && isCompressedFrame(frame)) this.#sent!.append(payload)
    return above
  }

  #sendLater(data: string | Uint8Array): void | Promise<void> {
    if (this.#closing !== undefined) throw this.connectionClosed()
    if (!this.isOpen) return this.#sendLast(data)
    const payload = typeof data === 'string' ? data : Buffer.from(data)
    const bytes = payload.length
    if (this.#queue.length > 0 && this.#queuedBytes + bytes > this.#options.maxBufferedBytes) {
      if (this.#options.slowConsumer === 'drop') return this.drop()
      return this.overflow()
    }
    const isLarge = bytes >= this.#compression.threadFromBytes
    const frame = isLarge ? this.#shared?.frameInThread(data) : undefined
    // Avoids an unhandled rejection if it fails before its turn.
    frame?.catch(() => {})
    this.#queuedBytes += bytes
    this.#buffered.added(bytes)
    return new Promise((resolve, reject) => {
      this.#queue.push({ payload, bytes, frame, resolve, reject })
      if (this.#queue.length === 1) void this.#work()
    })
  }

  /** The peer is closing, so there is no time for a thread. Throws if the connection has ended. */
  #sendLast(data: string | Uint8Array): void | Promise<void> {
    return this.sendFrame(typeof data === 'string' ? encodeTextFrame(data) : encodeFrame(opcodes.binary, data))
  }

  /** Sends the queued messages one after the other, in order. */
  async #work(): Promise<void> {
    for (let next = this.#queue[0]; next !== undefined; next = this.#queue[0]) {
      try {
        await this.#sendNext(next)
      } catch (error) {
        // A pending send resolves if the connection ends before its turn.
        if (isConnectionClosed(error)) next.resolve()
        else next.reject(error)
      }
      this.#queue.shift()
      this.#queuedBytes -= next.bytes
    }
    const closing = this.#closing
    if (closing !== undefined) super.close(closing.code, closing.reason)
  }

  async #sendNext({ payload, bytes, frame, resolve }: Waiting): Promise<void> {
    if (frame !== undefined) resolve(this.sendFrame(await frame))
    else if (!this.isOpen) resolve()
    else if (bytes < this.#compression.threadFromBytes) resolve(this.#sendAtOnce(payload))
    else {
      const data = Buffer.from(payload)
      const deflated = await this.#compression.jobs.run(() => deflateInThread(this.#deflateJob(data)))
      resolve(this.#sendInContext(typeof payload === 'string', data, deflated))
    }
  }

  #deflateJob(payload: Uint8Array): DeflateJob {
    const { serverMaxWindowBits: windowBits } = this.#parameters
    return { payload, windowBits, dictionary: this.#sent?.bytes, options: this.#compression.options }
  }

  async #inflateLater(isText: boolean, job: InflateJob): Promise<void> {
    this.#isInflating = true
    this.pause()
    const { maxMessageBytes } = this.#options
    const inflated = await this.#compression.jobs.run(() =>
      this.isOpen ? inflateInThread(job, maxMessageBytes) : 'invalid',
    )
    this.#isInflating = false
    if (!this.isOpen || this.#inflated(isText, inflated, job.payload.length)) super.resume()
  }

  /** `false`: reading is paused. */
  #inflated(isText: boolean, inflated: Inflated, compressedBytes: number): boolean {
    if (inflated === 'too large') {
      this.fail(closeCodes.messageTooBig, `message over ${this.#options.maxMessageBytes} bytes`)
    } else if (inflated === 'invalid') {
      this.fail(closeCodes.invalidPayload, 'compressed data that is not a deflate stream')
    } else {
      this.#compression.counters.received.count(inflated.length, compressedBytes)
      this.#receivedBefore?.append(inflated)
      if (!isText) return this.received(inflated)
      if (isUtf8(inflated)) return this.received(decodeText(inflated))
      this.fail(closeCodes.invalidPayload, 'text that is not UTF-8')
    }
    return true
  }
}
