import type { Duplex } from 'node:stream'
import { closeCodes } from '../../asgi/close-codes.ts'
import type { DirectSender, PendingHandshake } from '../../asgi/direct-sender.ts'
import { isSharedSend } from '../../asgi/shared-send.ts'
import type { WebSocketMessageSendEvent } from '../../asgi/websocket-events.ts'
import { malformedMessage } from '../../asgi/websocket-turns.ts'
import { connectionClosedError } from '../../errors/connection-closed.ts'
import { TidewayError } from '../../errors/tideway-error.ts'
import { deferred, type Deferred } from '../transport/deferred.ts'
import { writeTo, type WriteRoute } from '../transport/direct-write.ts'
import { attachOwner, startReading, type SocketOwner } from '../transport/socket-owner.ts'
import { destroyTransport } from '../transport/destroy-transport.ts'
import { wholeMilliseconds } from '../transport/heartbeat.ts'
import type { NegotiatedCompression } from './deflate/compression.ts'
import { DeflateSender, type SendingPeer } from './deflate/deflate-sender.ts'
import { InflateReceiver, type ReceivingPeer } from './deflate/inflate-receiver.ts'
import { encodeCloseFrame, encodeFrame, opcodes, PING_FRAME, type Frame } from './frame.ts'
import type { FrameParser, FrameSink } from './frame-parser.ts'
import type { FrameNode } from './frame-tree.ts'
import type { Outbox, OutboxClient } from './outbox.ts'
import { PeerEnd } from './peer-end.ts'
import type { PeerContext, PeerOwner } from './peer-owner.ts'
import { takeParser, unlessSpare } from './spare-parser.ts'

/**
 * - `connecting`: the handshake has not been answered. Only the end of the connection is read.
 * - `open`: messages go both ways.
 * - `answering`: the peer has closed or violated the protocol. Messages that the application sends in this turn of the event
 *   loop precede our close frame.
 * - `closing`: our close frame is sent; the peer's data is read for its close frame only.
 * - `ended`: the close handshake is complete, the protocol was violated, or the connection was lost. The socket is closing.
 */
type State = 'connecting' | 'open' | 'answering' | 'closing' | 'ended'

/** A client above its high-water mark, whose sends wait. */
interface SlowClient extends Deferred {
  readonly since: number
}

/**
 * The protocol side of a connection: frames, pings, the close handshake (RFC 6455 §7) and backpressure in both directions. It is
 * independent of applications.
 */
export class WebSocketPeer implements FrameSink, OutboxClient, DirectSender, SocketOwner, SendingPeer, ReceivingPeer {
  // The fields of a delivery come first, on the same cache lines: in a large group the peer is not in the caches when its turn comes.
  pending: FrameNode | undefined = undefined
  #state: State = 'connecting'
  readonly #context: PeerContext
  readonly #outbox: Outbox
  /** Sends the messages; `undefined` without compression. */
  readonly #sender: DeflateSender | undefined
  /** Bytes in the socket's buffer after the last write. */
  #unwritten = 0
  readonly #socket: Duplex
  route: WriteRoute = 'stream'
  /** While it is above its high-water mark. */
  #slow: SlowClient | undefined
  readonly #owner: PeerOwner
  /** While a frame or a message is incomplete or reading is paused, and after the end of the frames. */
  #parser: FrameParser | undefined
  /** Inflates received messages; `undefined` without compression. */
  readonly #receiver: InflateReceiver | undefined
  #lastSeen: number
  #pingSentAt = 0
  pendingHandshake: PendingHandshake | undefined
  #isDropping = false
  /** The latest unanswered ping of a peer that does not read. */
  #pongDue: Buffer | undefined
  /** From the states `answering`, `closing` and `ended` on. */
  #end: PeerEnd | undefined

  constructor(socket: Duplex, context: PeerContext, owner: PeerOwner, negotiated?: NegotiatedCompression) {
    this.#socket = socket
    this.#context = context
    this.#owner = owner
    if (negotiated === undefined) this.#outbox = context.outbox
    else {
      this.#outbox = negotiated.compression.outbox(negotiated.parameters)
      this.#sender = new DeflateSender(this, this.#outbox, context, negotiated)
      this.#receiver = new InflateReceiver(this, context, negotiated)
    }
    this.#lastSeen = context.heartbeat.now
    attachOwner(socket, this)
  }

  /** Starts reading frames, after the accept. */
  open(): void {
    this.#state = 'open'
    startReading(this.#socket)
  }

  /** Ends a connection that was not opened, after the bytes written to its socket. */
  end(): void {
    this.#finish(closeCodes.abnormal, '')
    this.#endSocket()
  }

  /**
   * Queues a message. Returns a promise if the connection is above its high-water mark.
   * @throws TidewayError `ERR_BAD_EVENT`
   */
  sendMessage(event: WebSocketMessageSendEvent): void | Promise<void> {
    if (isSharedSend(event)) return this.#sendShared(event)
    const { text, bytes } = event
    if (typeof text === 'string' && (bytes ?? undefined) === undefined) return this.sendText(text)
    if (bytes instanceof Uint8Array && (text ?? undefined) === undefined) return this.sendBytes(bytes)
    throw malformedMessage()
  }

  /** Queues a text message. Returns a promise if the connection is above its high-water mark. */
  sendText(text: string): void | Promise<void> {
    if (this.#sender !== undefined) return this.#sender.send(text)
    return this.sendFrame(this.#outbox.textFrame(text))
  }

  /** Queues a binary message. Returns a promise if the connection is above its high-water mark. */
  sendBytes(bytes: Uint8Array): void | Promise<void> {
    if (this.#sender !== undefined) return this.#sender.send(bytes)
    return this.sendFrame(this.#outbox.binaryFrame(bytes))
  }

  /** Queues a message for many connections. */
  #sendShared(event: WebSocketMessageSendEvent): void | Promise<void> {
    // Compressed frames are shared by content and not by event: two connections may have different parameters.
    if (this.#sender !== undefined) return this.#sender.send(event.text ?? event.bytes)
    return this.sendFrame(this.#outbox.sharedFrame(event))
  }

  /** Begins the close handshake. Later sends throw. */
  close(code: number, reason: string): void {
    // Messages before it are sent first.
    if (this.#sender?.delaysClose(code, reason) !== true) this.#closeNow(code, reason, false)
  }

  #closeNow(code: number, reason: string, isSlow: boolean): void {
    this.#sendAnswer()
    if (this.#state !== 'open') return
    this.#state = 'closing'
    this.#end = new PeerEnd(code, reason, { isSlow })
    this.#sendClose(encodeCloseFrame(code, reason))
    // Pending sends need not wait for the peer's close frame.
    this.#release()
    // A paused reader would never see the answer.
    this.resume()
  }

  /** Resumes reading after `onMessage` has returned `false`. */
  resume(): void {
    if (this.#receiver?.isInflating === true) return
    const parser = this.#parser
    if (parser?.isPaused === true) {
      // Pongs that arrived during the pause are still unread.
      this.#lastSeen = this.#context.heartbeat.now
      this.#pingSentAt = 0
    }
    // The kept bytes may pause the parser again, and a paused parser loses a second chunk.
    parser?.resume()
    if (parser?.isPaused !== true) this.#socket.resume()
  }

  /** Destroys the socket without a close frame. */
  destroy(): void {
    this.#finish(closeCodes.abnormal, '')
    this.route = 'ended'
    destroyTransport(this.#socket)
  }

  /** Unsent bytes, and received bytes that are not yet a message. */
  get bufferedBytes(): number {
    const { writableLength, readableLength } = this.#socket
    const own =
      (this.pending?.byteLength ?? 0) + (this.#parser?.bufferedBytes ?? 0) + (this.#sender?.bufferedBytes ?? 0)
    return writableLength + readableLength + own
  }

  /** Whether both sides may send messages. */
  get isOpen(): boolean {
    return this.#state === 'open'
  }

  /** A compressed message waits for those before it, and may fail with them. */
  get isFlowing(): boolean {
    return this.#state === 'open' && this.#slow === undefined && this.#sender === undefined
  }

  /** Whether it has ended or is closing. */
  get isEnding(): boolean {
    if (this.#sender?.isClosing === true) return true
    return this.#state === 'answering' || this.#state === 'closing' || this.#state === 'ended'
  }

  /** Handles bytes of the peer. */
  onData(chunk: Buffer): void {
    if (this.#state === 'connecting') {
      // Frames are not read before the accept.
      this.#socket.pause()
      this.#socket.unshift(chunk)
      return
    }
    this.#outbox.flushIfOverdue()
    this.#lastSeen = this.#context.heartbeat.now
    this.#pingSentAt = 0
    this.#context.counters.wireBytesReceived += chunk.length
    if (this.#state === 'ended') return
    const parser = (this.#parser ??= takeParser(this, this.#context.options.maxMessageBytes, this.#receiver))
    parser.push(chunk)
    this.#parser = unlessSpare(parser)
    this.#context.buffered.added(chunk.length)
  }

  /** Checks the timeouts. */
  check(now: number): void {
    const { options } = this.#context
    if (this.#state === 'connecting' || this.#state === 'answering') return
    if (this.#state !== 'open') {
      if (now - this.#end!.closedAt >= options.closeTimeoutMs) this.destroy()
    } else if (this.#pingSentAt > 0 && this.#parser?.isPaused !== true) {
      if (now - this.#pingSentAt >= options.pingTimeoutMs) {
        this.#context.counters.pingTimeouts++
        this.destroy()
      }
    } else if (
      options.pingIntervalMs !== false &&
      now - Math.max(this.#lastSeen, this.#pingSentAt) >= options.pingIntervalMs
    ) {
      // Pong timeouts are not enforced while reading is paused, but the write lets TCP detect a lost peer.
      this.#pingSentAt = now
      this.#context.counters.pingsSent++
      this.#outbox.enqueue(this, PING_FRAME)
    }
    const isSlow = this.#slow !== undefined && now - this.#slow.since >= options.slowConsumerTimeoutMs
    if (isSlow && options.slowConsumer === 'close') this.#closeSlow()
  }

  // Callbacks of the parser.

  onText(message: string, byteLength: number): void {
    this.#context.counters.received(true, byteLength)
    this.deliver(message)
  }

  onBinary(message: Buffer): void {
    this.#context.counters.received(false, message.length)
    this.deliver(message)
  }

  onPing(payload: Buffer): void {
    if (this.#state !== 'open') return
    const { options, counters } = this.#context
    counters.pingsReceived++
    if (this.#buffered > options.highWaterMarkBytes) this.#outbox.flushNow(this)
    // If a peer pings without reading, only its latest ping needs an answer (RFC 6455 §5.5.3).
    if (this.#unwritten > options.highWaterMarkBytes) this.#pongDue = payload
    else this.#outbox.enqueue(this, encodeFrame(opcodes.pong, payload))
  }

  onPong(): void {
    this.#context.counters.pongsReceived++
  }

  /** The peer's close frame: a request, or the answer to ours. */
  onCloseFrame(code: number, reason: string): void {
    if (this.#state === 'open') {
      this.#answerSoon(code, reason, encodeCloseFrame(code === closeCodes.noStatus ? undefined : code))
      return
    }
    if (this.#end !== undefined) this.#finish(this.#end.code, this.#end.reason)
    this.#endSocket()
  }

  onProtocolError(code: number, message: string): void {
    if (this.#state === 'open') {
      this.#answerSoon(code, message, encodeCloseFrame(code, message))
      return
    }
    this.#finish(code, message)
    this.#endSocket()
  }

  // Callbacks of the socket and the outbox.

  flush(bytes: Buffer): void {
    if (this.route === 'ended') return
    this.#context.counters.wireBytesSent += bytes.length
    this.#unwritten = writeTo(this.#socket, bytes, this)
    if (this.#unwritten > 0) this.#context.buffered.added(bytes.length)
    // A connection that always sends never emits `drain`, even if the peer reads fast.
    if (this.#slow !== undefined && this.#unwritten <= this.#context.options.highWaterMarkBytes) this.#release()
  }

  onDrain(): void {
    this.#unwritten = 0
    this.#release()
    const payload = this.#pongDue
    this.#pongDue = undefined
    if (payload !== undefined) this.onPing(payload)
  }

  /** The peer has ended its side. */
  onEnd(): void {
    this.#sendAnswer()
    this.#finish(closeCodes.abnormal, '')
    this.#endSocket()
  }

  onClose(): void {
    this.route = 'ended'
    this.#finish(closeCodes.abnormal, '')
    this.pending = undefined
    this.#owner.onSocketClosed()
  }

  get #buffered(): number {
    return this.#unwritten + (this.pending === undefined ? 0 : this.pending.byteLength)
  }

  sendFrame(frame: Frame): void | Promise<void> {
    if (this.#state !== 'open' && this.#state !== 'answering') throw this.closedError()
    const buffered = this.#buffered + frame.length
    if (buffered > this.#context.options.highWaterMarkBytes) return this.#sendAbove(frame)
    this.#context.counters.sent(frame)
    this.#outbox.enqueue(this, frame)
    return undefined
  }

  /** Sends a frame that puts or keeps the connection above its high-water mark. */
  #sendAbove(frame: Frame): void | Promise<void> {
    const { options } = this.#context
    // The socket may have sent bytes since the last write.
    this.#unwritten = this.#socket.writableLength
    if (this.#slow !== undefined && this.#buffered > options.highWaterMarkBytes) {
      if (options.slowConsumer === 'drop') return this.dropMessage()
      if (this.#buffered + frame.length > options.maxBufferedBytes) {
        return this.overflow()
      }
    }
    this.#context.counters.sent(frame)
    this.#outbox.enqueue(this, frame)
    this.#outbox.flushNow(this)
    if (this.#unwritten <= options.highWaterMarkBytes) return undefined
    this.#slow ??= { since: wholeMilliseconds(), ...deferred() }
    return this.#slow.promise
  }

  dropMessage(): void {
    this.#sender?.onDrop()
    if (!this.#isDropping) this.#owner.onSlow('messages dropped')
    this.#isDropping = true
    this.#context.counters.messagesDropped++
  }

  overflow(): never {
    this.#closeSlow()
    throw new TidewayError(
      'ERR_SLOW_CONSUMER',
      `More than ${this.#context.options.maxBufferedBytes} bytes waited for one connection, which was closed: await send().`,
    )
  }

  closedError(): TidewayError {
    this.#context.counters.webSocketSendsAfterEnd++
    return connectionClosedError()
  }

  #closeSlow(): void {
    if (this.#state === 'open') {
      this.#context.counters.slowClosed++
      this.#owner.onSlow('closed')
    }
    // Without the messages before it, which the client does not read.
    this.#closeNow(closeCodes.tryAgainLater, 'reading too slowly', true)
  }

  /** Resolves pending sends: the connection is below its high-water mark, or has ended. */
  #release(): void {
    this.#isDropping = false
    const slow = this.#slow
    this.#slow = undefined
    slow?.resolve()
  }

  deliver(message: string | Buffer): boolean {
    if (this.#state !== 'open' || this.#owner.onMessage(message)) return true
    this.pause()
    return false
  }

  pause(): void {
    this.#parser!.pause()
    this.#socket.pause()
  }

  fail(code: number, message: string): void {
    this.#parser!.end()
    this.onProtocolError(code, message)
  }

  /** A message and a close frame may come in one chunk: the application's answer to the message precedes our close frame. */
  #answerSoon(code: number, reason: string, frame: Frame): void {
    this.#state = 'answering'
    this.#end = new PeerEnd(code, reason, { answer: frame })
    setImmediate(() => this.#sendAnswer())
  }

  /** Sends the close frame that answers the peer's close frame or protocol error. */
  #sendAnswer(): void {
    if (this.#state !== 'answering') return
    const { answer, code, reason } = this.#end!
    this.#sendClose(answer!)
    this.#finish(code, reason)
    this.#endSocket()
  }

  #sendClose(frame: Frame): void {
    this.#end!.closed()
    this.#outbox.enqueue(this, frame)
    this.#outbox.flushNow(this)
  }

  #finish(code: number, reason: string): void {
    if (this.#state === 'ended') return
    // A connection that is lost after the peer's close frame has the peer's code. A client that does not read cannot
    // answer our close frame: the application, the counters and the log have the same code, 1013.
    const isDecided = this.#state === 'answering' || this.#end?.isSlow === true
    this.#state = 'ended'
    const end = (this.#end ??= new PeerEnd(code, reason))
    end.closed()
    this.#parser?.end()
    this.#owner.onPeerClosed(isDecided ? end.code : code, isDecided ? end.reason : reason)
    this.#release()
  }

  /** Half-closes TCP and drains until the peer closes: unread bytes would turn our last frames into a reset. */
  #endSocket(): void {
    this.#outbox.flushNow(this)
    this.route = 'ended'
    this.#socket.end()
    this.#socket.resume()
  }
}
