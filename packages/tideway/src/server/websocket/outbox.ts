import { hiddenField } from '../../errors/hidden-field.ts'
import type { WebSocketMessageSendEvent } from '../../asgi/websocket-events.ts'
import { encodeFrame, headerLength, opcodes, type Frame } from './frame.ts'
import { FrameSlab } from './frame-slab.ts'
import { FrameNode } from './frame-tree.ts'

/** A connection that writes at the end of the tick. */
export interface OutboxClient {
  /** Its node in the tree of this tick's frames; `undefined` if there is nothing to write. */
  pending: FrameNode | undefined
  /** Writes the bytes to the socket. */
  flush(bytes: Buffer): void
}

/**
 * From this size on, writing a frame together with others saves nothing and needs a copy. Large frames that are kept to the end of
 * the tick also survive the minor garbage collections that would free them.
 */
const LARGE_FRAME_BYTES = 16 * 1024

/**
 * How long a queued frame may wait for the end of the tick, in milliseconds. libuv handles up to 48 times 1,024 events before it
 * runs an immediate: on an overloaded machine with ten thousand sockets that takes seconds. Longer than a broadcast, so that
 * several are still joined; shorter than a person notices.
 */
const MAX_WAIT_MS = 20

/**
 * After so many texts without an equal one, only one in so many is compared with the text before it. Answers to single connections
 * are all different, and what `JSON.stringify` returns is a tree that V8 compares in 0.1 µs, 2 % of an echo.
 */
const TEXTS_PER_COMPARISON = 8

/** The outbox checks the clock every 16th event: reading it costs a fifth of a delivery. */
const EVENTS_PER_CHECK = 16

/**
 * The frames that all connections of a server write in this tick. While handlers run, only large frames are written: at the end of
 * the tick each connection writes once, and a payload for many connections is framed once. In a tick longer than
 * {@link MAX_WAIT_MS} the outbox also writes between two reads.
 */
export class Outbox {
  readonly #now: () => number
  /** The time of the oldest queued frame. */
  #waitsSince = 0
  #isScheduled = false
  #events = 0
  #root = new FrameNode()
  readonly #slab = new FrameSlab()
  #dirty: OutboxClient[] = []
  #lastText: string | undefined
  #lastTextFrame: Frame | undefined
  /** Texts since the last one that was equal to the text before it. Counts from 0 again above 255, so that it stays a small integer. */
  #differentTexts = 0
  #lastBytes: Uint8Array | undefined
  #lastBytesFrame: Frame | undefined
  #lastShared: WebSocketMessageSendEvent | undefined
  #lastSharedFrame: Frame | undefined
  /** Frames of shared messages, for connections that send them in a later tick. */
  readonly #sharedFrames = hiddenField<WebSocketMessageSendEvent, Frame>()

  /** @param now milliseconds on a clock that only goes forward */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /** The frame of a shared message, encoded once. */
  sharedFrame(event: WebSocketMessageSendEvent): Frame {
    if (event === this.#lastShared) return this.#lastSharedFrame!
    let frame = this.#sharedFrames.get(event)
    if (frame === undefined) {
      frame = event.text === undefined ? encodeFrame(opcodes.binary, event.bytes) : this.#slab.encode(event.text)
      this.#sharedFrames.set(event, frame)
    }
    this.#lastShared = event
    this.#lastSharedFrame = frame
    return frame
  }

  /** The frame of a text. Reuses the last frame if the text is equal, as it is for the members of a group. */
  textFrame(text: string): Frame {
    if (this.#isCompared && text === this.#lastText) {
      this.#differentTexts = 0
      return this.#lastTextFrame!
    }
    this.#differentTexts = (this.#differentTexts + 1) & 0xff
    const frame = this.#slab.encode(text)
    this.#lastText = text
    this.#lastTextFrame = frame
    return frame
  }

  get #isCompared(): boolean {
    return this.#differentTexts < TEXTS_PER_COMPARISON || this.#differentTexts % TEXTS_PER_COMPARISON === 0
  }

  /** The frame of a binary payload. Reuses the last frame for the same object with the same content. */
  binaryFrame(bytes: Uint8Array): Frame {
    // Compares the content too: the sender may have changed its buffer.
    if (bytes === this.#lastBytes && carries(this.#lastBytesFrame!, bytes)) return this.#lastBytesFrame!
    const frame = encodeFrame(opcodes.binary, bytes)
    this.#lastBytes = bytes
    this.#lastBytesFrame = frame
    return frame
  }

  /** Queues the frame after the client's queued frames. Writes these and a large frame at once. */
  enqueue(client: OutboxClient, frame: Frame): void {
    if (frame.length >= LARGE_FRAME_BYTES) {
      this.flushNow(client)
      client.flush(frame.bytes)
    } else if (client.pending === undefined) {
      if (this.#dirty.length === 0) this.#begin()
      this.#dirty.push(client)
      client.pending = this.#root.next(frame)
    } else client.pending = client.pending.next(frame)
  }

  /** Writes the queued frames of one client now. */
  flushNow(client: OutboxClient): void {
    const node = client.pending
    if (node === undefined) return
    client.pending = undefined
    client.flush(node.bytes)
  }

  /**
   * Writes overdue frames. Called before an event is handled, and not where frames are queued, so that it never splits a
   * broadcast: a split one costs a second write per member.
   */
  flushIfOverdue(): void {
    this.#events = (this.#events + 1) % EVENTS_PER_CHECK
    if (this.#events === 0 && this.#dirty.length > 0 && this.#now() - this.#waitsSince >= MAX_WAIT_MS) this.#flushAll()
  }

  #begin(): void {
    this.#waitsSince = this.#now()
    if (this.#isScheduled) return
    this.#isScheduled = true
    setImmediate(this.#endOfTick)
  }

  readonly #endOfTick = (): void => {
    this.#isScheduled = false
    this.#flushAll()
  }

  #flushAll(): void {
    const clients = this.#dirty
    // Frames that a write causes belong to the next tick, with a new tree.
    this.#dirty = []
    this.#root = new FrameNode()
    this.forget()
    for (const client of clients) this.flushNow(client)
  }

  /** Forgets the frames of this tick. */
  protected forget(): void {
    this.#lastText = this.#lastTextFrame = this.#lastBytes = this.#lastBytesFrame = undefined
    this.#lastShared = this.#lastSharedFrame = undefined
  }
}

/** Whether the frame has this payload. Compares the length too: a view of a resizable buffer may have shrunk. */
function carries({ bytes }: Frame, payload: Uint8Array): boolean {
  const start = headerLength(payload.byteLength)
  return bytes.length === start + payload.byteLength && bytes.subarray(start).equals(payload)
}
