import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'

interface Pipe {
  readonly client: Socket
  readonly server: Socket
  /** Nothing passes any more, and neither side is told. */
  isSilent: boolean
}

/**
 * A TCP proxy that misbehaves on demand. A fault hits the connections of the moment; `refuse`, `delayMs` and `stall`
 * also those to come, until `heal()`.
 */
export class FaultProxy {
  readonly port: number
  /** How many connections were accepted so far. */
  accepted = 0
  readonly #server: Server
  readonly #pipes = new Set<Pipe>()
  #targetPort: number
  #refuses = false
  #delayMs = 0
  #isStalled = false

  constructor(server: Server, targetPort: number) {
    this.#server = server
    this.#targetPort = targetPort
    this.port = (server.address() as AddressInfo).port
    server.on('connection', (client: Socket) => this.#accept(client))
  }

  static async start(targetPort: number): Promise<FaultProxy> {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new FaultProxy(server, targetPort)
  }

  /** Where new connections go. */
  retarget(port: number): void {
    this.#targetPort = port
  }

  /** Ends the connections in order: both sides see a FIN. */
  cut(): void {
    for (const { client, server } of this.#pipes) {
      client.end()
      server.end()
    }
  }

  /** Ends the connections with a RST. */
  reset(): void {
    for (const { client, server } of this.#pipes) {
      client.resetAndDestroy()
      server.resetAndDestroy()
    }
  }

  /** Reads nothing more: the windows close, the bytes wait. What waits goes on at `heal()`. */
  stall(): void {
    this.#isStalled = true
    for (const { client, server } of this.#pipes) {
      client.pause()
      server.pause()
    }
  }

  /** Swallows every byte from now on. The server's side ends, the client is not told: its connection is half open. */
  halfOpen(): void {
    for (const pipe of this.#pipes) {
      pipe.isSilent = true
      pipe.server.destroy()
    }
  }

  /** Holds every byte for so long. */
  delay(ms: number): void {
    this.#delayMs = ms
  }

  /** Closes each new connection at once. */
  refuse(): void {
    this.#refuses = true
  }

  /** Behaves from now on. A half-open connection stays one. */
  heal(): void {
    this.#refuses = false
    this.#delayMs = 0
    this.#isStalled = false
    for (const { client, server } of this.#pipes) {
      client.resume()
      server.resume()
    }
  }

  async stop(): Promise<void> {
    this.#server.close()
    for (const { client, server } of this.#pipes) {
      client.destroy()
      server.destroy()
    }
    await once(this.#server, 'close')
  }

  #accept(client: Socket): void {
    this.accepted++
    if (this.#refuses) {
      client.destroy()
      return
    }
    const server = connect(this.#targetPort, '127.0.0.1')
    const pipe: Pipe = { client, server, isSilent: false }
    this.#pipes.add(pipe)
    this.#forward(pipe, client, server)
    this.#forward(pipe, server, client)
    client.once('close', () => {
      this.#pipes.delete(pipe)
      server.destroy()
    })
  }

  #forward(pipe: Pipe, from: Socket, to: Socket): void {
    from.setNoDelay(true)
    from.on('error', () => {})
    // A queue, so that no later byte overtakes when the delay becomes shorter.
    const held: Buffer[] = []
    const writeOne = (): void => {
      const chunk = held.shift()
      if (chunk && !pipe.isSilent && to.writable) to.write(chunk)
    }
    from.on('data', (chunk: Buffer) => {
      held.push(chunk)
      if (this.#delayMs > 0 || held.length > 1) setTimeout(writeOne, this.#delayMs)
      else writeOne()
    })
    from.on('close', () => {
      if (!pipe.isSilent) to.destroy()
    })
    if (this.#isStalled) from.pause()
  }
}
