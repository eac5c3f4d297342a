/** A frame that waits for a connection. */
interface WaitingFrame {
  /** The time of the call, by `performance.now()`. */
  readonly at: number
  readonly bytes: Buffer
  /** The group of a message, else an empty text. */
  readonly group: string
}

/** The frames that wait for a connection, oldest first. */
export class WaitingFrames {
  #frames: WaitingFrame[] = []
  #bytes = 0

  get bytes(): number {
    return this.#bytes
  }

  add(bytes: Buffer, group = '', at: number = performance.now()): void {
    this.#frames.push({ at, bytes, group })
    this.#bytes += bytes.length
  }

  takeAll(): readonly Buffer[] {
    const frames = this.#frames
    this.#frames = []
    this.#bytes = 0
    return frames.map(({ bytes }) => bytes)
  }

  /** Removes those that were added before this time, and returns the groups of their messages. */
  expire(before: number): readonly string[] {
    const young = this.#frames.findIndex(({ at }) => at > before)
    const expired = this.#frames.splice(0, young === -1 ? this.#frames.length : young)
    for (const { bytes } of expired) this.#bytes -= bytes.length
    return expired.flatMap(({ group }) => (group === '' ? [] : [group]))
  }
}
