import type { Frame } from './frame.ts'

/** The start of frames that are not beside each other in one buffer. */
const APART = -1

/**
 * The frames that a connection writes at the end of the tick, as a path from the root. Connections with the same frames in the
 * same order share a node, so their bytes are joined once: 8 messages to 1,000 members are 1,000 writes of one shared buffer.
 */
export class FrameNode {
  readonly #parent: FrameNode | undefined
  readonly #frame: Frame | undefined
  /** The bytes from the root to this node. */
  readonly byteLength: number
  /** Where the frames begin in their buffer; {@link APART} if they are not beside each other. */
  readonly #start: number
  #joined: Buffer | undefined
  // One entry is enough: the members of a group get the same frame one after the other.
  #lastFrame: Frame | undefined
  #lastChild: FrameNode | undefined

  constructor(parent?: FrameNode, frame?: Frame) {
    this.#parent = parent
    this.#frame = frame
    this.byteLength = (parent?.byteLength ?? 0) + (frame?.length ?? 0)
    this.#start = parent === undefined || frame === undefined ? APART : parent.#startWith(frame)
  }

  /** The node after this one for a connection that sends the frame. */
  next(frame: Frame): FrameNode {
    if (frame === this.#lastFrame) return this.#lastChild!
    const child = new FrameNode(this, frame)
    this.#lastFrame = frame
    this.#lastChild = child
    return child
  }

  /** The frames from the root to this node as one buffer, joined at the first access. */
  get bytes(): Buffer {
    this.#joined ??= this.#join()
    return this.#joined
  }

  /** Where the frames to this node and the next frame begin. */
  #startWith(frame: Frame): number {
    const last = this.#frame
    if (last === undefined) return frame.start
    return last.buffer === frame.buffer && last.end === frame.start ? this.#start : APART
  }

  #join(): Buffer {
    const last = this.#frame!
    // A single frame is written as it is, and so are frames that are beside each other in one buffer.
    if (this.#parent!.#frame === undefined) return last.bytes
    if (this.#start !== APART) return last.buffer.subarray(this.#start, last.end)
    const bytes = Buffer.allocUnsafe(this.byteLength)
    let end = this.byteLength
    let node = this.#parent!
    for (let frame: Frame | undefined = last; frame !== undefined; node = node.#parent ?? node) {
      end -= frame.length
      frame.buffer.copy(bytes, end, frame.start, frame.end)
      frame = node.#frame
    }
    return bytes
  }
}
