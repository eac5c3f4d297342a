import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

import { handshake } from '../pinned/states.ts'
import type { Usage } from './server.ts'

/** Connections that are opened at a time. */
const PARALLEL = 128

/** Until objects of the handshake are gone. */
const SETTLE_MS = 7000

/** The server of this bench, in a process of its own, and its clients. */
export class Clients {
  readonly #process: ChildProcess
  readonly port: number
  readonly #sockets: Socket[] = []

  private constructor(child: ChildProcess, port: number) {
    this.#process = child
    this.port = port
  }

  static async start(env: Readonly<Record<string, string>> = {}): Promise<Clients> {
    const child = fork(fileURLToPath(new URL('server.ts', import.meta.url)), [], {
      env: { ...process.env, ...env },
      execArgv: [...process.execArgv, '--expose-gc'],
    })
    const [{ port }] = (await once(child, 'message')) as [{ port: number }]
    return new Clients(child, port)
  }

  async usage(question: 'usage' | 'collect' = 'usage'): Promise<Usage> {
    const answer = once(this.#process, 'message')
    this.#process.send(question)
    return ((await answer) as [Usage])[0]
  }

  /** The server publishes events at once. */
  publish(count: number): void {
    this.#process.send({ publish: count })
  }

  /** The usage when nothing of the handshakes is left. */
  async settledUsage(): Promise<Usage> {
    await delay(SETTLE_MS)
    return this.usage('collect')
  }

  /** Opens connections, and waits until each has received so many bytes after its handshake. */
  async open(count: number, path: (n: number) => string, bytes = 0): Promise<void> {
    let started = 0
    const lane = async (): Promise<void> => {
      while (started < count) await this.#open(path(started++), bytes)
    }
    await Promise.all(Array.from({ length: PARALLEL }, lane))
  }

  /** Destroys all connections, and waits until the server has noticed. */
  async closeAll(): Promise<void> {
    for (const socket of this.#sockets.splice(0)) socket.destroy()
    while ((await this.usage()).connections > 0) await delay(100)
  }

  stop(): void {
    for (const socket of this.#sockets) socket.destroy()
    this.#process.kill('SIGKILL')
  }

  #open(path: string, bytes: number): Promise<void> {
    const socket = connect(this.port, '127.0.0.1')
    this.#sockets.push(socket)
    return new Promise((resolve, reject) => {
      let received = -1
      socket.on('error', reject)
      socket.on('data', (chunk) => {
        if (received < 0) {
          const end = chunk.indexOf('\r\n\r\n')
          if (!chunk.subarray(0, 12).equals(Buffer.from('HTTP/1.1 101')) || end < 0) reject(new Error(chunk.toString()))
          received = chunk.length - end - 4
        } else received += chunk.length
        if (received >= bytes) resolve()
      })
      socket.write(handshake(path))
    })
  }
}
