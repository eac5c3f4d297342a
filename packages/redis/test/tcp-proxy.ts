import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'

/** A TCP proxy in front of a Redis, in place of a DNS name or load balancer. */
export class TcpProxy {
  /** The target port of new connections. Open connections keep theirs. */
  target: number
  /** The target port of new connections of subscribers. @default the target of all connections */
  subscriberTarget: number | undefined
  readonly #server: Server
  readonly #pairs = new Set<readonly [Socket, Socket]>()

  private constructor(target: number) {
    this.target = target
    // The first data of a connection have its name.
    this.#server = createServer((near) => {
      near.on('error', () => {})
      near.once('data', (first: Buffer) => this.#join(near, first))
    })
  }

  static async start(target: number): Promise<TcpProxy> {
    const proxy = new TcpProxy(target)
    proxy.#server.listen(0, '127.0.0.1')
    await once(proxy.#server, 'listening')
    return proxy
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`
  }

  /** Forwards nothing in either direction until `resume()`. */
  pause(): void {
    for (const pair of this.#pairs) for (const socket of pair) socket.pause()
  }

  resume(): void {
    for (const pair of this.#pairs) for (const socket of pair) socket.resume()
  }

  async stop(): Promise<void> {
    for (const pair of this.#pairs) for (const socket of pair) socket.destroy()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #join(near: Socket, first: Buffer): void {
    const isSubscriber = first.includes('tideway-subscriber')
    const far = connect((isSubscriber ? this.subscriberTarget : undefined) ?? this.target, '127.0.0.1')
    far.write(first)
    const pair = [near, far] as const
    this.#pairs.add(pair)
    for (const [from, to] of [pair, [far, near] as const]) {
      from.setNoDelay(true)
      from.on('data', (data) => to.write(data))
      from.on('error', () => {})
      from.on('close', () => {
        to.destroy()
        this.#pairs.delete(pair)
      })
    }
  }
}
