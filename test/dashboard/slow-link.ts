import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

/** The number of pieces per second in which the bytes pass. */
const PIECES_PER_SECOND = 25

/**
 * A link between a Unix socket and a TCP port that passes a number of bytes per second. Between TCP sockets of one machine the kernel
 * would keep megabytes, which no slow network does: its segments there have 64 KiB.
 */
export class SlowLink {
  /** The most bytes per second to the browser. */
  bytesPerSecond = Infinity
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  private constructor(path: string) {
    this.#server = createServer((browser) => {
      const server = connect(path)
      this.#open(browser, server)
      browser.pipe(server)
      void this.#pass(server, browser).catch(() => browser.destroy())
    })
  }

  static async open(path: string): Promise<SlowLink> {
    const link = new SlowLink(path)
    link.#server.listen(0, '127.0.0.1')
    await once(link.#server, 'listening')
    return link
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #open(...sockets: readonly Socket[]): void {
    for (const socket of sockets) {
      this.#sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        this.#sockets.delete(socket)
        for (const other of sockets) other.destroy()
      })
    }
  }

  /** Reads the next bytes when the last ones have passed, a few at a time. */
  async #pass(from: Socket, to: Socket): Promise<void> {
    for await (const bytes of from as AsyncIterable<Buffer>) {
      for (let start = 0; start < bytes.length;) {
        const end = Math.min(bytes.length, start + this.bytesPerSecond / PIECES_PER_SECOND)
        to.write(bytes.subarray(start, end))
        start = end
        if (this.bytesPerSecond !== Infinity) await delay(1000 / PIECES_PER_SECOND)
      }
    }
    to.end()
  }
}
