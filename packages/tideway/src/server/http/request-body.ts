import type { IncomingMessage } from 'node:http'

/** What {@link RequestBody.next} gives besides a piece: the end of the body, or a client that went away before it. */
export type BodyEnd = 'end' | 'gone'

/** The body of a request, piece by piece as it comes. Nothing is read from the client before it is asked for. */
export class RequestBody {
  readonly #request: IncomingMessage
  #wasRead = false

  constructor(request: IncomingMessage) {
    this.#request = request
  }

  /** The next piece, when it is there. */
  async next(): Promise<Buffer | BodyEnd> {
    const request = this.#request
    this.#wasRead = true
    for (;;) {
      const piece = request.read() as Buffer | null
      if (piece !== null) return piece
      if (request.readableEnded) return 'end'
      if (request.destroyed) return 'gone'
      await somethingHappens(request)
    }
  }

  /**
   * Reads what is left and throws it away, so that the connection can take its next request. Node does that itself for a
   * body that nobody began to read.
   */
  discard(): void {
    if (this.#wasRead && !this.#request.readableEnded) this.#request.resume()
  }
}

function somethingHappens(request: IncomingMessage): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      request.removeListener('readable', done).removeListener('end', done).removeListener('close', done)
      resolve()
    }
    request.once('readable', done).once('end', done).once('close', done)
  })
}
