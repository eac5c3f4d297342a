import type { Duplex } from 'node:stream'
import { closeCodes } from '../../asgi/close-codes.ts'
import type { DirectSender } from '../../asgi/direct-sender.ts'
import { isSharedSend } from '../../asgi/shared-send.ts'
import type { WebSocketMessageSendEvent } from '../../asgi/websocket-events.ts'
import { TidewayError } from '../../errors/tideway-error.ts'
import { deferred, type Deferred } from '../transport/deferred.ts'
import { attachOwner, startReading, type SocketOwner } from '../transport/socket-owner.ts'
import { destroyTransport } from '../transport/destroy-transport.ts'
import { encodeCloseFrame, encodeFrame, opcodes } from './frame.ts'
import { FrameParser, type FrameSink } from './frame-parser.ts'
import type { FrameNode } from './frame-tree.ts'
import type { OutboxClient } from './outbox.ts'
import type { PeerContext, PeerOwner } from './peer-owner.ts'

/**
 * - `connecting`: the handshake has not been answered. Nothing is read but the end of the connection.
 * - `open`: messages go both ways.
 * - `answering`: the peer has closed, or broken the protocol. What the application answers to the messages before that, in
 *   this turn of the event loop, goes out before our close frame.
 * - `closing`: our close frame is out; what the peer still sends is read for its close frame only.
 * - `ended`: both have said that it is over, or one of them broke the protocol or the connection. The socket is being closed.
 */
type State = 'connecting' | 'open' | 'answering' | 'closing' | 'ended'

const PING: Buffer = encodeFrame(opcodes.ping, new Uint8Array())

/**
 * The other end of a connection: frames in, frames out, pings, the close handshake (RFC 6455 §7) and backpressure both
 * ways. Knows nothing of applications.
 */
export class WebSocketPeer implements FrameSink, OutboxClient, DirectSender, SocketOwner {
  readonly #socket: Duplex
  readonly #context: PeerContext
  readonly #owner: PeerOwner
  /** Made when the connection is opened. */
  #parser: FrameParser | undefined
  pending: FrameNode | undefined = undefined
  #state: State = 'connecting'
  /** Bytes that the socket could not pass on at the last write. */
  #unwritten = 0
  #drained: Deferred | undefined
  /** Since when it is above its high-water mark; 0: it is not. */
  #aboveSince = 0
  #isDropping = false
  /** Closed by this side because the client does not read. It may never read our close frame either. */
  #isClosedAsSlow = false
  /** Kept here: the getters of the socket that say it cost as much as all else of a flush. */
  #isWritable = true
  /** The latest ping that could not be answered, because the peer does not read. */
  #pongDue: Buffer | undefined
  #lastSeen: number
  #pingSentAt = 0
  #closeSentAt = 0
  /** How the connection will have ended, when it is `answering` or `closing`. */
  #closeCode = 0
  #closeReason = ''
  /** Our close frame, when it is `answering`. */
  #answer: Buffer | undefined

  constructor(socket: Duplex, context: PeerContext, owner: PeerOwner) {
    this.#socket = socket
    this.#context = context
    this.#owner = owner
    this.#lastSeen = context.heartbeat.now
    attachOwner(socket, this)
  }

  /** The handshake has been answered: reads frames from now on. */
  open(): void {
    this.#state = 'open'
    this.#parser = new FrameParser(this, this.#context.options.maxMessageBytes)
    startReading(this.#socket)
  }

  /** Ends a connection that was not opened, behind what has been written to its socket. */
  hangUp(): void {
    this.#end(closeCodes.abnormal, '')
    this.#endSocket()
  }

  /**
   * Queues a message. A promise: the connection is above its high-water mark, wait.
   * @throws TidewayError `ERR_BAD_EVENT`
   */
  sendMessage(event: WebSocketMessageSendEvent): void | Promise<void> {
    if (isSharedSend(event)) return this.sendShared(event)
    const { text, bytes } = event
    if (typeof text === 'string' && (bytes ?? undefined) === undefined) return this.sendText(text)
    if (bytes instanceof Uint8Array && (text ?? undefined) === undefined) return this.sendBytes(bytes)
    throw new TidewayError('ERR_BAD_EVENT', 'websocket.send needs a string as text or a Uint8Array as bytes, not both.')
  }

  /** Queues a text message. A promise: the connection is above its high-water mark, wait. */
  sendText(text: string): void | Promise<void> {
    return this.sendFrame(this.#context.outbox.textFrame(text))
  }

  /** Queues a binary message. A promise: the connection is above its high-water mark, wait. */
  sendBytes(bytes: Uint8Array): void | Promise<void> {
    return this.sendFrame(this.#context.outbox.binaryFrame(bytes))
  }

  /** Queues a message that many connections are sent. A promise: the connection is above its high-water mark, wait. */
  sendShared(event: WebSocketMessageSendEvent): void | Promise<void> {
    return this.sendFrame(this.#context.outbox.sharedFrame(event))
  }

  /** Begins the close handshake. Nothing can be sent after it. */
  close(code: number, reason: string): void {
    this.#closeNow(code, reason)
  }

  #closeNow(code: number, reason: string): void {
    this.#sendAnswer()
    if (this.#state !== 'open') return
    this.#state = 'closing'
    this.#closeCode = code
    this.#closeReason = reason
    this.#sendClose(encodeCloseFrame(code, reason))
    // Whoever waits need not wait for the answer to learn that it is over.
    this.#release()
    // A paused reader would never see the answer.
    this.resume()
  }

  /** Reads on after `messageReceived` has answered `false`. */
  resume(): void {
    const parser = this.#parser!
    if (parser.isPaused) {
      // What the peer has answered to pings meanwhile is still to be read.
      this.#lastSeen = this.#context.heartbeat.now
      this.#pingSentAt = 0
    }
    // What waited may be enough to stop again: a chunk that the parser does not take would be lost.
    parser.resume()
    if (!parser.isPaused) this.#socket.resume()
  }

  /** Cuts the connection without a word. */
  terminate(): void {
    this.#end(closeCodes.abnormal, '')
    this.#isWritable = false
    destroyTransport(this.#socket)
  }

  /** What it keeps that is not sent, and that has come and is no message yet. */
  get bufferedBytes(): number {
    const { writableLength, readableLength } = this.#socket
    return writableLength + readableLength + (this.pending?.byteLength ?? 0) + (this.#parser?.bufferedBytes ?? 0)
  }

  /** Whether messages go both ways. */
  get isOpen(): boolean {
    return this.#state === 'open'
  }

  /** Whether it has ended, or is about to. */
  get isEnding(): boolean {
    return this.#state === 'answering' || this.#state === 'closing' || this.#state === 'ended'
  }

  /** Takes bytes that came from the peer. */
  data(chunk: Buffer): void {
    if (this.#state === 'connecting') {
      // Before the answer to the handshake nothing is to be read yet.
      this.#socket.pause()
      this.#socket.unshift(chunk)
      return
    }
    this.#context.outbox.flushIfOverdue()
    this.#lastSeen = this.#context.heartbeat.now
    this.#pingSentAt = 0
    this.#context.counters.wireBytesReceived += chunk.length
    if (this.#state === 'ended') return
    this.#parser!.push(chunk)
    this.#context.buffered.added(chunk.length)
  }

  /** Looks after the time-outs. */
  check(now: number): void {
    const { options } = this.#context
    if (this.#state === 'connecting' || this.#state === 'answering') return
    if (this.#state !== 'open') {
      if (now - this.#closeSentAt >= options.closeTimeoutMs) this.terminate()
    } else if (this.#pingSentAt > 0 && !this.#parser!.isPaused) {
      if (now - this.#pingSentAt >= options.pingTimeoutMs) {
        this.#context.counters.pingTimeouts++
        this.terminate()
      }
    } else if (
      options.pingIntervalMs !== false &&
      now - Math.max(this.#lastSeen, this.#pingSentAt) >= options.pingIntervalMs
    ) {
      // Of a peer that is not read, because the application is busy, no answer is missed; but TCP may find that it is gone.
      this.#pingSentAt = now
      this.#context.counters.pingsSent++
      this.#context.outbox.enqueue(this, PING)
    }
    const isSlow = this.#aboveSince > 0 && now - this.#aboveSince >= options.slowConsumerTimeoutMs
    if (isSlow && options.slowConsumer === 'close') this.#closeSlow()
  }

  // What the parser finds.

  text(message: string, byteLength: number): void {
    this.#context.counters.received(true, byteLength)
    this.received(message)
  }

  binary(message: Buffer): void {
    this.#context.counters.received(false, message.length)
    this.received(message)
  }

  ping(payload: Buffer): void {
    if (this.#state !== 'open') return
    const { outbox, options, counters } = this.#context
    counters.pingsReceived++
    if (this.#buffered > options.highWaterMarkBytes) outbox.flushNow(this)
    // Of a peer that pings without reading only the latest ping needs an answer (RFC 6455 §5.5.3).
    if (this.#unwritten > options.highWaterMarkBytes) this.#pongDue = payload
    else outbox.enqueue(this, encodeFrame(opcodes.pong, payload))
  }

  // That something came at all was noted when it came.
  pong(): void {
    this.#context.counters.pongsReceived++
  }

  /** The peer's close frame: its request, which is answered, or the answer to ours. */
  closeReceived(code: number, reason: string): void {
    if (this.#state === 'open') {
      this.#answerSoon(code, reason, encodeCloseFrame(code === closeCodes.noStatus ? undefined : code))
      return
    }
    this.#end(this.#closeCode, this.#closeReason)
    this.#endSocket()
  }

  protocolError(code: number, message: string): void {
    if (this.#state === 'open') {
      this.#answerSoon(code, message, encodeCloseFrame(code, message))
      return
    }
    this.#end(code, message)
    this.#endSocket()
  }

  // What the socket and the outbox do.

  flush(bytes: Buffer): void {
    if (!this.#isWritable) return
    this.#context.counters.wireBytesSent += bytes.length
    this.#unwritten = this.#socket.write(bytes) ? 0 : this.#socket.writableLength
    if (this.#unwritten > 0) this.#context.buffered.added(bytes.length)
    // What is sent all the time is never drained, however fast the peer reads.
    if (this.#aboveSince > 0 && this.#unwritten <= this.#context.options.highWaterMarkBytes) this.#release()
  }

  drained(): void {
    this.#unwritten = 0
    this.#release()
    const payload = this.#pongDue
    this.#pongDue = undefined
    if (payload !== undefined) this.ping(payload)
  }

  /** The peer will send nothing more. */
  ended(): void {
    this.#sendAnswer()
    this.#end(closeCodes.abnormal, '')
    this.#endSocket()
  }

  closed(): void {
    this.#isWritable = false
    this.#end(closeCodes.abnormal, '')
    this.pending = undefined
    this.#owner.socketClosed()
  }

  get #buffered(): number {
    return this.#unwritten + (this.pending === undefined ? 0 : this.pending.byteLength)
  }

  /** Queues a frame. A promise: the connection is above its high-water mark, wait. */
  protected sendFrame(frame: Buffer): void | Promise<void> {
    if (this.#state !== 'open' && this.#state !== 'answering') throw this.connectionClosed()
    const buffered = this.#buffered + frame.length
    if (buffered > this.#context.options.highWaterMarkBytes) return this.#sendAbove(frame)
    this.#context.counters.sent(frame)
    this.#context.outbox.enqueue(this, frame)
    return undefined
  }

  /** Sends to a connection that is above its high-water mark with this frame. */
  #sendAbove(frame: Buffer): void | Promise<void> {
    const { options, outbox } = this.#context
    // The socket may have passed on some of it since the last write.
    this.#unwritten = this.#socket.writableLength
    if (this.#aboveSince > 0 && this.#buffered > options.highWaterMarkBytes) {
      if (options.slowConsumer === 'drop') return this.drop()
      if (this.#buffered + frame.length > options.maxBufferedBytes) {
        return this.overflow()
      }
    }
    this.#context.counters.sent(frame)
    outbox.enqueue(this, frame)
    outbox.flushNow(this)
    if (this.#unwritten <= options.highWaterMarkBytes) return undefined
    this.#aboveSince ||= performance.now()
    this.#drained ??= deferred()
    return this.#drained.promise
  }

  /** Leaves a message out, under the policy `drop`. */
  protected drop(): void {
    if (!this.#isDropping) this.#owner.readsTooSlowly('messages dropped')
    this.#isDropping = true
    this.#context.counters.messagesDropped++
  }

  /** Closes a connection for which more waits than may. */
  protected overflow(): never {
    this.#closeSlow()
    throw new TidewayError(
      'ERR_SLOW_CONSUMER',
      `More than ${this.#context.options.maxBufferedBytes} bytes waited for one connection, which was closed: await send().`,
    )
  }

  /** The error of a message that is sent after the end. */
  protected connectionClosed(): TidewayError {
    this.#context.counters.webSocketSendsAfterEnd++
    return new TidewayError('ERR_CONNECTION_CLOSED', 'The connection has ended: nothing can be sent on it.')
  }

  #closeSlow(): void {
    if (this.#state === 'open') {
      this.#isClosedAsSlow = true
      this.#context.counters.slowClosed++
      this.#owner.readsTooSlowly('closed')
    }
    this.#closeNow(closeCodes.tryAgainLater, 'reading too slowly')
  }

  /** It is below its high-water mark again, or will never be. */
  #release(): void {
    this.#aboveSince = 0
    this.#isDropping = false
    const waiting = this.#drained
    this.#drained = undefined
    waiting?.resolve()
  }

  /** Passes a message on. `false`: nothing more is read until {@link resume}. */
  protected received(message: string | Buffer): boolean {
    if (this.#state !== 'open' || this.#owner.messageReceived(message)) return true
    this.pause()
    return false
  }

  /** Stops reading until {@link resume}. */
  protected pause(): void {
    this.#parser!.pause()
    this.#socket.pause()
  }

  /** Ends a connection whose peer has broken the protocol in what the parser let pass. */
  protected fail(code: number, message: string): void {
    this.#parser!.end()
    this.protocolError(code, message)
  }

  /** A message and a close frame may come in one chunk: the application's answer to the message goes before ours to the close. */
  #answerSoon(code: number, reason: string, frame: Buffer): void {
    this.#state = 'answering'
    this.#closeCode = code
    this.#closeReason = reason
    this.#answer = frame
    setImmediate(() => this.#sendAnswer())
  }

  /** Sends the close frame that answers the peer's, or its fault. */
  #sendAnswer(): void {
    if (this.#state !== 'answering') return
    this.#sendClose(this.#answer!)
    this.#end(this.#closeCode, this.#closeReason)
    this.#endSocket()
  }

  #sendClose(frame: Buffer): void {
    this.#closeSentAt = performance.now()
    this.#context.outbox.enqueue(this, frame)
    this.#context.outbox.flushNow(this)
  }

  #end(code: number, reason: string): void {
    if (this.#state === 'ended') return
    // A connection that is lost after the peer's close frame has the peer's code. A client that does not read cannot
    // answer our close frame: the application, the counters and the log have the same code, 1013.
    const wasClosed = this.#state === 'answering' || this.#isClosedAsSlow
    this.#state = 'ended'
    this.#closeSentAt ||= performance.now()
    this.#parser?.end()
    this.#owner.peerClosed(wasClosed ? this.#closeCode : code, wasClosed ? this.#closeReason : reason)
    this.#release()
  }

  /** Says goodbye on TCP too, and reads on until the peer does: unread bytes would turn our last frames into a reset. */
  #endSocket(): void {
    this.#context.outbox.flushNow(this)
    this.#isWritable = false
    this.#socket.end()
    this.#socket.resume()
  }
}
