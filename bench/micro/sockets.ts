import { createServer, type IncomingMessage, type Server } from 'node:http'
import { Duplex } from 'node:stream'
import type { Application } from 'tideway/asgi'
import { attach } from 'tideway/server'

/** A socket without a network: what is written to it is gone. */
export class LocalSocket extends Duplex {
  readonly remoteAddress = '127.0.0.1'
  readonly remotePort = 40_000
  readonly localAddress = '127.0.0.1'
  readonly localPort = 8000
  /** Writes so far. */
  writes = 0

  override _read(): void {}

  override _write(_chunk: Buffer, _encoding: string, done: () => void): void {
    this.writes++
    done()
  }

  override _final(done: () => void): void {
    this.push(null)
    done()
  }

  setTimeout(): this {
    return this
  }

  setNoDelay(): this {
    return this
  }
}

/** The headers of a handshake, as the load of the bench sends them. */
export function handshakeHeaders(host: string): Readonly<Record<string, string>> {
  return {
    Host: host,
    Upgrade: 'websocket',
    Connection: 'Upgrade',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Version': '13',
    Origin: `http://${host}`,
  }
}

/** A server that is handed its handshakes instead of listening: what is left is the stack itself. */
export class LocalServer {
  readonly #server: Server = createServer()

  constructor(application: Application) {
    attach(this.#server, application, { drainTimeoutMs: 1 })
  }

  /** Opens a connection. */
  open(path: string): LocalSocket {
    const socket = new LocalSocket()
    const headers = {
      ...handshakeHeaders('127.0.0.1:8000'),
      ...(path === '/live/' && { 'Sec-WebSocket-Protocol': 'tideway.v1.json' }),
    }
    const request = {
      method: 'GET',
      url: path,
      httpVersion: '1.1',
      rawHeaders: Object.entries(headers).flat(),
      headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])),
      socket,
    } as unknown as IncomingMessage
    this.#server.emit('upgrade', request, socket, Buffer.alloc(0))
    return socket
  }
}

/** A text as a client's frame. */
export function clientFrame(text: string): Buffer {
  const payload = Buffer.from(text)
  const mask = Buffer.from([0x1d, 0x7c, 0xa3, 0x5e])
  const header =
    payload.length < 126 ? [0x81, 0x80 | payload.length] : [0x81, 0xfe, payload.length >> 8, payload.length & 0xff]
  return Buffer.concat([Buffer.from(header), mask, payload.map((byte, i) => byte ^ mask[i % 4]!)])
}

/** Until what was sent has been written. */
export function endOfTick(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(() => setImmediate(resolve))
  })
}
