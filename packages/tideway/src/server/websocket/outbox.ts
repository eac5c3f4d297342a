import type { WebSocketMessageSendEvent } from '../../asgi/websocket-events.ts'
import { encodeFrame, encodeTextFrame, headerLength, opcodes } from './frame.ts'
import { FrameNode } from './frame-tree.ts'

/** A connection that has something to write at the end of the tick. */
export interface OutboxClient {
  /** Where it stands in the tree of this tick's frames; `undefined`: nothing to write. */
  pending: FrameNode | undefined
  /** Writes the bytes to the socket. */
  flush(bytes: Buffer): void
}

/**
 * A frame from this size on is no cheaper to write together with others, and would have to be copied for that. Kept to the
 * end of the tick, large frames also outlive the small garbage collections that would free them.
 */
const LARGE_FRAME_BYTES = 16 * 1024

/**
 * So long what is to be written may wait for the end of the tick, in milliseconds, while reads come in. libuv takes up to
 * 48 times 1,024 events before it lets an immediate run: on a machine that cannot keep up, with ten thousand sockets, that
 * is seconds. Longer than a broadcast takes, so that a burst of them is still joined; shorter than a person notices.
 */
const MAX_WAIT_MS = 20

/** The clock is asked at each so many-th event: asking it costs a fifth of what a delivery does. */
const EVENTS_A_LOOK = 16

/**
 * What all connections of a server are to write in this tick. Nothing but large frames is written while handlers run:
 * at the end of the tick each connection writes once, and a payload that many are sent is framed once. A tick that takes
 * longer than {@link MAX_WAIT_MS} is cut in pieces, between one read and the next.
 */
export class Outbox {
  readonly #now: () => number
  /** When the first of what waits came. */
  #waitsSince = 0
  #isScheduled = false
  #events = 0
  #root = new FrameNode()
  #dirty: OutboxClient[] = []
  #lastText: string | undefined
  #lastTextFrame: Buffer | undefined
  #lastBytes: Uint8Array | undefined
  #lastBytesFrame: Buffer | undefined
  #lastShared: WebSocketMessageSendEvent | undefined
  #lastSharedFrame: Buffer | undefined
  /** Frames of shared messages, for connections that are sent them in a later tick. Each is forgotten with its message. */
  readonly #sharedFrames = new WeakMap<WebSocketMessageSendEvent, Buffer>()

  /** @param now milliseconds on a clock that only goes forward */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /** The frame of a shared message, which is made once. */
  sharedFrame(event: WebSocketMessageSendEvent): Buffer {
    if (event === this.#lastShared) return this.#lastSharedFrame!
    let frame = this.#sharedFrames.get(event)
    if (frame === undefined) {
      frame = event.text === undefined ? encodeFrame(opcodes.binary, event.bytes) : encodeTextFrame(event.text)
      this.#sharedFrames.set(event, frame)
    }
    this.#lastShared = event
    this.#lastSharedFrame = frame
    return frame
  }

  /** The frame of a text: the last one again when the text is equal, as it is for each member of a group. */
  textFrame(text: string): Buffer {
    if (text === this.#lastText) return this.#lastTextFrame!
    const frame = encodeTextFrame(text)
    this.#lastText = text
    this.#lastTextFrame = frame
    return frame
  }

  /** The frame of a binary payload: the last one again for the same object with the same content. */
  binaryFrame(bytes: Uint8Array): Buffer {
    // The content counts too: the sender may have filled its buffer anew.
    if (bytes === this.#lastBytes && carries(this.#lastBytesFrame!, bytes)) return this.#lastBytesFrame!
    const frame = encodeFrame(opcodes.binary, bytes)
    this.#lastBytes = bytes
    this.#lastBytesFrame = frame
    return frame
  }

  /** Queues the frame behind what the client is to write already. A large one is written at once, behind that. */
  enqueue(client: OutboxClient, frame: Buffer): void {
    if (frame.length >= LARGE_FRAME_BYTES) {
      this.flushNow(client)
      client.flush(frame)
    } else if (client.pending === undefined) {
      if (this.#dirty.length === 0) this.#begin()
      this.#dirty.push(client)
      client.pending = this.#root.next(frame)
    } else client.pending = client.pending.next(frame)
  }

  /** Writes what one client has waiting now, because its connection is about to end. */
  flushNow(client: OutboxClient): void {
    const node = client.pending
    if (node === undefined) return
    client.pending = undefined
    client.flush(node.bytes)
  }

  /**
   * An event of the event loop is about to be handled: writes what has waited for too long. Here, and not where frames are
   * queued, since a broadcast is never cut in two by it: each of its members would be written to once more for the next.
   */
  flushIfOverdue(): void {
    this.#events = (this.#events + 1) % EVENTS_A_LOOK
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
    // What a write leads to is for the next tick. Nothing of this tick's frames is kept for it.
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

/** Whether the frame is that of this payload. Its length counts too: a view of a resizable buffer may have shrunk. */
function carries(frame: Buffer, payload: Uint8Array): boolean {
  const start = headerLength(payload.byteLength)
  return frame.length === start + payload.byteLength && frame.subarray(start).equals(payload)
}
