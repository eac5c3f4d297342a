import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { ProbeRequest } from '../servers/heap-probe.ts'
import { freePort, listening } from '../src/server-process.ts'
import { readHeapSnapshot, type Kept } from './heap-snapshot.ts'
import { handshakeHeaders } from './sockets.ts'

/** The connections of the measurement. Those before it make the objects that a server has once. */
const CONNECTIONS = 5000
const WARM_UP_CONNECTIONS = 300
/** Connections that are opened at once, less than the backlog of a listening socket. */
const BATCH = 100
/** Objects that fewer connections have are not listed. */
const LEAST_SHARE = 0.3

/** What a server keeps for one idle connection. */
export interface IdleCost {
  /** Of the heap, after a collection. */
  readonly bytes: number
  /** The objects by name, the largest sum first. Counts and bytes are per connection. */
  readonly objects: readonly (readonly [name: string, kept: Kept])[]
}

const compiled = fileURLToPath(new URL('../dist/servers/', import.meta.url))

/** Measures a server of `servers/`, which has to be compiled: other programs that run it add objects of their own. */
export async function measureIdle(server: string, path: string): Promise<IdleCost> {
  const folder = mkdtempSync(join(tmpdir(), 'tideway-heap-'))
  const port = await freePort()
  const child = fork(join(compiled, `${server}.js`), [String(port)], {
    // Compiled functions are on the heap too, and when they are compiled depends on the machine.
    execArgv: ['--no-opt', '--import', join(compiled, 'heap-probe.js')],
    // The clients of this process do not answer pings.
    env: { ...process.env, NODE_ENV: 'production', SERVE_OPTIONS: '{"pingIntervalMs":false}' },
  })
  const sockets: Socket[] = []
  try {
    await listening(port, child)
    await openAll(WARM_UP_CONNECTIONS, port, path, sockets)
    const before = readHeapSnapshot(await ask<string>(child, { type: 'snapshot', file: join(folder, 'before') }))
    const bytesBefore = await ask<number>(child, { type: 'heap' })
    await openAll(CONNECTIONS, port, path, sockets)
    const bytes = (await ask<number>(child, { type: 'heap' })) - bytesBefore
    const after = readHeapSnapshot(await ask<string>(child, { type: 'snapshot', file: join(folder, 'after') }))
    return { bytes: bytes / CONNECTIONS, objects: perConnection(before, after) }
  } finally {
    for (const socket of sockets) socket.destroy()
    child.kill()
    rmSync(folder, { recursive: true })
  }
}

/** Prints the bytes, and the objects that each connection has. */
export function formatIdle({ bytes, objects }: IdleCost, server: string): string {
  const lines = objects.map(([name, kept]) => {
    return `${kept.bytes.toFixed(0).padStart(9)} B ${kept.count.toFixed(1).padStart(5)}  ${name}`
  })
  return [`${bytes.toFixed(0).padStart(9)} B  ${server}`, ...lines].join('\n')
}

function perConnection(before: ReadonlyMap<string, Kept>, after: ReadonlyMap<string, Kept>): IdleCost['objects'] {
  return [...after]
    .map(([name, { count, bytes }]) => {
      const { count: countBefore, bytes: bytesBefore } = before.get(name) ?? { count: 0, bytes: 0 }
      return [name, { count: (count - countBefore) / CONNECTIONS, bytes: (bytes - bytesBefore) / CONNECTIONS }] as const
    })
    .filter(([, { count, bytes }]) => count >= LEAST_SHARE || bytes >= 8)
    .toSorted(([, a], [, b]) => b.bytes - a.bytes)
}

async function ask<Answer>(child: ChildProcess, request: ProbeRequest): Promise<Answer> {
  child.send(request)
  const [answer] = (await once(child, 'message')) as [Answer]
  return answer
}

async function openAll(count: number, port: number, path: string, sockets: Socket[]): Promise<void> {
  for (let opened = 0; opened < count; opened += BATCH) {
    sockets.push(...(await Promise.all(Array.from({ length: BATCH }, () => open(port, path)))))
  }
  // Until the server has handled the last handshake to its end.
  await delay(500)
}

/** Opens a WebSocket. */
async function open(port: number, path: string): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  const headers = Object.entries(handshakeHeaders(`127.0.0.1:${port}`)).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.write(`GET ${path} HTTP/1.1\r\n${headers.join('')}\r\n`)
  const [answer] = (await once(socket, 'data')) as [Buffer]
  if (!answer.toString('latin1').startsWith('HTTP/1.1 101')) throw new Error(`The server answered ${answer.toString()}`)
  return socket.resume()
}
