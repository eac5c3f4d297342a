import type { Readable } from 'node:stream'
import { takeFrame } from './frames.ts'

/** The bytes of a server that a test has not taken yet. */
export class Received {
  /** Joined when they are read: each chunk after megabytes would copy them. */
  #chunks: Buffer[] = []
  #isOver = false
  #changed: (() => void) | undefined

  constructor(stream: Readable) {
    const changed = (): void => this.#changed?.()
    stream.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk)
      changed()
    })
    for (const event of ['end', 'close']) {
      stream.on(event, () => {
        this.#isOver = true
        changed()
      })
    }
  }

  /** What has come and was not taken. */
  get bytes(): Buffer {
    if (this.#chunks.length !== 1) this.#chunks = [Buffer.concat(this.#chunks)]
    return this.#chunks[0]!
  }

  /** Whether the server has ended its side, or the connection is closed. */
  get isOver(): boolean {
    return this.#isOver
  }

  /** Waits for more bytes or the end. */
  change(): Promise<void> {
    return new Promise((resolve) => {
      this.#changed = resolve
    })
  }

  /** Takes this many bytes. */
  take(length: number): Buffer {
    const taken = this.bytes.subarray(0, length)
    this.#chunks = [this.bytes.subarray(length)]
    return taken
  }

  /** Takes the next frame, as a line such as `text Hello`. */
  async frame(): Promise<string> {
    for (;;) {
      const taken = takeFrame(this.bytes)
      if (taken !== undefined) {
        this.#chunks = [taken.rest]
        return taken.line
      }
      if (this.#isOver) throw new Error('The server ended before a frame came.')
      await this.change()
    }
  }
}
