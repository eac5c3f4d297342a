import type { IncomingMessage } from 'node:http'

/** The end of a body: complete, or `'gone'` if the client disconnected first. */
export type BodyEnd = 'end' | 'gone'

/** The body of a request, piece by piece. It reads from the client only on demand. */
export class RequestBody {
  readonly #request: IncomingMessage
  #wasRead = false

  constructor(request: IncomingMessage) {
    this.#request = request
  }

  /** Resolves with the next piece or the end. */
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
   * Reads and discards the rest, so that the connection can serve its next request. Node itself discards a body that was never read.
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
