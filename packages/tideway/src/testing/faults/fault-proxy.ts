import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'

interface Pipe {
  readonly client: Socket
  readonly server: Socket
  /** Drops every byte, and neither socket is closed by the proxy. */
  isSilent: boolean
}

/** The behavior of a proxy, which all its connections read. */
interface Behavior {
  delayMs: number
  bytesPerSecond: number
  isStalled: boolean
}

/** The most bytes of one direction that a proxy holds before it stops reading. */
const MAX_HELD_BYTES = 64 * 1024

/** The number of pieces per second in which a throttled connection writes. */
const PIECES_PER_SECOND = 50

// Read before a test can install fake timers. Those are for the application.
const { setTimeout, clearTimeout } = globalThis

/**
 * A TCP proxy on a free port of 127.0.0.1 that causes faults. `cut`, `reset` and `halfOpen` affect the open connections. The other faults
 * also affect later connections, until `heal()`.
 * @example
 * const proxy = await FaultProxy.start(server.port)
 * proxy.cut()
 */
export class FaultProxy {
  readonly port: number
  /** The number of connections that the proxy has accepted. */
  accepted = 0
  readonly #server: Server
  readonly #pipes = new Set<Pipe>()
  readonly #directions = new Set<Direction>()
  readonly #behavior: Behavior = { delayMs: 0, bytesPerSecond: Infinity, isStalled: false }
  #targetPort: number
  #refuses = false

  private constructor(server: Server, targetPort: number) {
    this.#server = server
    this.#targetPort = targetPort
    this.port = (server.address() as AddressInfo).port
    server.on('connection', (client: Socket) => this.#accept(client))
  }

  /** Starts a proxy in front of a port of 127.0.0.1. */
  static async start(targetPort: number): Promise<FaultProxy> {
    const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new FaultProxy(server, targetPort)
  }

  /** Sets the port to which later connections go. */
  retarget(port: number): void {
    this.#targetPort = port
  }

  /** Ends the connections in order: both peers receive a FIN. */
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

  /** Makes the connections half open: the server's socket ends, the client receives nothing, and its bytes are dropped. */
  halfOpen(): void {
    for (const pipe of this.#pipes) {
      pipe.isSilent = true
      pipe.server.destroy()
    }
  }

  /** Stops reading, so that the TCP windows close. The bytes arrive after `heal()`. */
  stall(): void {
    this.#behavior.isStalled = true
    this.#update()
  }

  /** Holds every byte for this time. */
  delay(ms: number): void {
    this.#behavior.delayMs = ms
  }

  /** Passes this many bytes per second in each direction of a connection. */
  throttle(bytesPerSecond: number): void {
    this.#behavior.bytesPerSecond = bytesPerSecond
  }

  /** Closes each new connection at once. */
  refuse(): void {
    this.#refuses = true
  }

  /** Ends all faults, and passes the bytes that it holds. A half-open connection stays half open. */
  heal(): void {
    this.#refuses = false
    Object.assign(this.#behavior, { delayMs: 0, bytesPerSecond: Infinity, isStalled: false })
    this.#update()
  }

  /** Destroys the connections and closes the port. */
  async stop(): Promise<void> {
    this.#server.close()
    for (const { client, server } of this.#pipes) {
      client.destroy()
      server.destroy()
    }
    await once(this.#server, 'close')
  }

  #update(): void {
    for (const direction of this.#directions) direction.update()
  }

  #accept(client: Socket): void {
    this.accepted++
    if (this.#refuses) {
      client.destroy()
      return
    }
    const server = connect({ port: this.#targetPort, host: '127.0.0.1', allowHalfOpen: true })
    const pipe: Pipe = { client, server, isSilent: false }
    this.#pipes.add(pipe)
    this.#forward(pipe, client, server)
    this.#forward(pipe, server, client)
  }

  #forward(pipe: Pipe, from: Socket, to: Socket): void {
    const direction = new Direction(pipe, from, to, this.#behavior)
    this.#directions.add(direction)
    from.once('close', () => {
      this.#directions.delete(direction)
      if (pipe.client.destroyed && pipe.server.destroyed) this.#pipes.delete(pipe)
    })
  }
}

/** One direction of a connection: a queue, so that no byte overtakes an earlier one if the delay becomes shorter. */
class Direction {
  readonly #pipe: Pipe
  readonly #from: Socket
  readonly #to: Socket
  readonly #behavior: Behavior
  readonly #held: { readonly bytes: Buffer; readonly dueAt: number }[] = []
  #heldBytes = 0
  #timer: NodeJS.Timeout | undefined
  /** Whether the source has sent its FIN. The target gets it after the bytes that are held. */
  #hasEnded = false

  constructor(pipe: Pipe, from: Socket, to: Socket, behavior: Behavior) {
    this.#pipe = pipe
    this.#from = from
    this.#to = to
    this.#behavior = behavior
    from.setNoDelay(true)
    from.on('error', () => {})
    from.on('data', (bytes: Buffer) => this.#hold(bytes))
    from.on('end', () => this.#end())
    from.on('close', (hadError: boolean) => this.#close(hadError))
    to.on('drain', () => this.#flow())
    this.#flow()
  }

  /** Applies a changed behavior to the bytes that are held. */
  update(): void {
    const now = performance.now()
    if (this.#behavior.delayMs === 0 && this.#behavior.bytesPerSecond === Infinity) {
      this.#held.splice(0, Infinity, ...this.#held.map(({ bytes }) => ({ bytes, dueAt: now })))
    }
    this.#pass()
  }

  #hold(bytes: Buffer): void {
    const { delayMs, bytesPerSecond } = this.#behavior
    const size = bytesPerSecond === Infinity ? bytes.length : Math.max(1, Math.ceil(bytesPerSecond / PIECES_PER_SECOND))
    let dueAt = performance.now() + delayMs
    for (let start = 0; start < bytes.length; start += size) {
      const piece = bytes.subarray(start, start + size)
      dueAt = Math.max(dueAt, this.#held.at(-1)?.dueAt ?? 0) + (piece.length / bytesPerSecond) * 1000
      this.#held.push({ bytes: piece, dueAt })
    }
    this.#heldBytes += bytes.length
    this.#pass()
  }

  /** Writes what is due. */
  #pass(): void {
    clearTimeout(this.#timer)
    const now = performance.now()
    while (this.#held.length > 0 && this.#held[0]!.dueAt <= now && !this.#behavior.isStalled) {
      const { bytes } = this.#held.shift()!
      this.#heldBytes -= bytes.length
      if (!this.#pipe.isSilent && this.#to.writable) this.#to.write(bytes)
    }
    const next = this.#held[0]
    if (next === undefined) {
      if (this.#hasEnded && !this.#pipe.isSilent) this.#to.end()
    } else if (!this.#behavior.isStalled) {
      // A timer of Node may fire up to 1 ms before its time.
      this.#timer = setTimeout(() => this.#pass(), Math.max(1, next.dueAt - now))
    }
    this.#flow()
  }

  /** Reads from the source, or stops. */
  #flow(): void {
    if (this.#behavior.isStalled || this.#heldBytes > MAX_HELD_BYTES || this.#to.writableNeedDrain) this.#from.pause()
    else this.#from.resume()
  }

  #end(): void {
    this.#hasEnded = true
    this.#pass()
  }

  #close(hadError: boolean): void {
    if (this.#pipe.isSilent) {
      // The client has closed its half-open connection.
      if (this.#from === this.#pipe.client) this.#pipe.server.destroy()
    } else if (hadError) {
      clearTimeout(this.#timer)
      this.#to.resetAndDestroy()
    }
  }
}
