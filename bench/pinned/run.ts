import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Usage } from './server.ts'
import { begin, firstFragment, handshake, loads, states, type Load, type State } from './states.ts'

// npm run bench -- pinned [seconds]: memory a connection in each state and when the server ends it, CPU a MiB received, and the
// cost of pipelined requests. The server has its default limits.

const waitSeconds = Number(process.argv[2] ?? 90)
const SETTLE_MS = 2000
const LOAD_BYTES = 8 * 1024 * 1024

class Server {
  readonly #process: ChildProcess
  readonly port: number

  private constructor(child: ChildProcess, port: number) {
    this.#process = child
    this.port = port
  }

  static async start(): Promise<Server> {
    const child = fork(fileURLToPath(new URL('server.ts', import.meta.url)), [], {
      execArgv: [...process.execArgv, '--expose-gc'],
    })
    const [{ port }] = (await once(child, 'message')) as [{ port: number }]
    return new Server(child, port)
  }

  async usage(): Promise<Usage> {
    const answer = once(this.#process, 'message')
    this.#process.send('usage')
    return ((await answer) as [Usage])[0]
  }

  async open(): Promise<Socket> {
    const socket = connect(this.port, '127.0.0.1')
    socket.on('error', () => {})
    await once(socket, 'connect')
    return socket
  }

  stop(): void {
    this.#process.kill('SIGKILL')
  }
}

/** Opens the connections of a state, and gives a promise of when they ended. */
async function hold(state: State): Promise<{ perConnection: number; ended: Promise<string> }> {
  const server = await Server.start()
  const before = await server.usage()
  const beganAt = performance.now()
  const sockets: Socket[] = []
  for (let i = 0; i < state.connections; i++) {
    const socket = await server.open()
    begin(socket, state)
    sockets.push(socket)
  }
  const { drip } = state
  const dripping = setInterval(() => {
    if (drip !== undefined) for (const socket of sockets) if (!socket.destroyed) socket.write(drip)
  }, 1000)
  await delay(SETTLE_MS)
  const { residentBytes } = await server.usage()
  const perConnection = (residentBytes - before.residentBytes) / state.connections
  return { perConnection, ended: ends() }

  async function ends(): Promise<string> {
    try {
      for (;;) {
        const seconds = (performance.now() - beganAt) / 1000
        if ((await server.usage()).connections === 0) return `${seconds.toFixed(0)} s`
        if (seconds > waitSeconds) return `later than ${waitSeconds} s`
        await delay(1000)
      }
    } finally {
      clearInterval(dripping)
      for (const socket of sockets) socket.destroy()
      server.stop()
    }
  }
}

/** Milliseconds of CPU a MiB. */
async function cost({ name, unit }: Load): Promise<number> {
  const server = await Server.start()
  const socket = await server.open()
  socket.write(handshake('/'))
  await once(socket, 'data')
  socket.resume()
  if (name.includes('continuations')) socket.write(firstFragment)
  const piece = Buffer.concat(Array.from({ length: Math.max(1, Math.floor(65_536 / unit.length)) }, () => unit))
  const before = await server.usage()
  for (let sent = 0; sent < LOAD_BYTES; sent += piece.length) if (!socket.write(piece)) await once(socket, 'drain')
  // Behind all of it, a close frame that is answered.
  const closed = once(socket, 'close')
  socket.write(Buffer.from('888000000000', 'hex'))
  await closed
  const { cpuMs } = await server.usage()
  server.stop()
  return (cpuMs - before.cpuMs) / (LOAD_BYTES / 1024 / 1024)
}

/** Milliseconds of CPU for pipelined requests whose client hangs up. */
async function pipeline(requests: number): Promise<number> {
  const server = await Server.start()
  const before = await server.usage()
  const socket = await server.open()
  socket.write('GET /wait HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(requests))
  await delay(SETTLE_MS)
  socket.destroy()
  await delay(SETTLE_MS)
  const { cpuMs } = await server.usage()
  server.stop()
  return cpuMs - before.cpuMs
}

console.log('Memory a connection, and when the server ends it:')
const held: { state: State; perConnection: number; ended: Promise<string> }[] = []
for (const state of states) held.push({ state, ...(await hold(state)) })
for (const { state, perConnection, ended } of held) {
  console.log(`${(perConnection / 1000).toFixed(1).padStart(9)} kB  ${(await ended).padEnd(16)} ${state.name}`)
}
console.log('\nCPU of the server, ms a MiB received:')
for (const load of loads) console.log(`${(await cost(load)).toFixed(0).padStart(9)}     ${load.name}`)
console.log('\nCPU of the server, ms for pipelined requests that wait, and whose client hangs up:')
for (const requests of [10_000, 20_000, 40_000]) {
  console.log(`${(await pipeline(requests)).toFixed(0).padStart(9)}     ${requests} requests`)
}
