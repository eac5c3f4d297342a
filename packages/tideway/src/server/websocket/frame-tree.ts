/**
 * The frames that a connection writes at the end of the tick, as a path from the root. Connections with the same frames in the
 * same order share a node, so their bytes are joined once: 8 messages to 1,000 members are 1,000 writes of one shared buffer.
 */
export class FrameNode {
  readonly #parent: FrameNode | undefined
  readonly #frame: Buffer | undefined
  /** The bytes from the root to this node. */
  readonly byteLength: number
  #joined: Buffer | undefined
  // One entry is enough: the members of a group get the same frame one after the other.
  #lastFrame: Buffer | undefined
  #lastChild: FrameNode | undefined

  constructor(parent?: FrameNode, frame?: Buffer) {
    this.#parent = parent
    this.#frame = frame
    this.byteLength = (parent?.byteLength ?? 0) + (frame?.length ?? 0)
  }

  /** The node after this one for a connection that sends the frame. */
  next(frame: Buffer): FrameNode {
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

  #join(): Buffer {
    // A single frame is written as it is.
    if (this.#parent?.byteLength === 0) return this.#frame!
    const bytes = Buffer.allocUnsafe(this.byteLength)
    let end = this.byteLength - this.#frame!.length
    bytes.set(this.#frame!, end)
    for (let node = this.#parent!; node.#frame !== undefined; node = node.#parent!) {
      end -= node.#frame.length
      bytes.set(node.#frame, end)
    }
    return bytes
  }
}
