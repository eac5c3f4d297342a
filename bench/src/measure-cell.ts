import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Duplex } from 'node:stream'
import { text } from 'node:stream/consumers'
import type { LoadReport } from './load-report.ts'
import { loadProgram } from './programs.ts'
import { startRedis } from './redis-process.ts'
import { endWithThis, pinned, startServer, type Command, type ServerProcess } from './server-process.ts'
import type { Server } from './servers.ts'
import type { Cell } from './suite.ts'

/** A measurement that takes longer than this hangs: longer than the load waits for its connections, twice. */
const LOAD_TIMEOUT_MS = 600_000

/** The descriptor by which the load and this process agree on the begin and the end of a phase. */
const GATE = 3

/** How a cell is measured. */
export interface Measuring {
  readonly seconds: number
  /** Processor time of the server before the first phase, so that its compiler has done its work. */
  readonly warmUpMs: number
  /** Called where a phase of the load could begin, and where it could end. The load goes on until the promise is fulfilled. */
  readonly onGate?: (server: ServerProcess) => Promise<void>
  /** Changes the command of the server. */
  readonly prepare?: (command: Command) => Command
}

/** Starts the server of a cell, loads it, ends it, and returns what the load printed. */
export async function measureCell(
  cell: Cell,
  { command: commandOf, dialect }: Server,
  measuring: Measuring,
): Promise<LoadReport> {
  const started: { stop(): Promise<void> }[] = []
  try {
    const { env = {}, ...rest } = cell.variant ?? {}
    let variant = { ...rest, env }
    if (cell.crossesRedis === true) {
      const redis = await startRedis()
      started.push(redis)
      variant = { ...variant, env: { ...env, REDIS_URL: redis.url, REDIS: redis.url } }
    }
    const plain = commandOf(variant)
    const command = measuring.prepare?.(plain) ?? plain
    const server = await startServer(command, cell.isFree === true ? 'any' : 'server')
    started.push(server)
    let sender: ServerProcess | undefined
    if (cell.crossesRedis === true) {
      sender = await startServer(plain, 'load')
      started.push(sender)
    }
    const settings = {
      port: server.port,
      pids: (await server.pids()).join(','),
      seconds: measuring.seconds,
      warmms: measuring.warmUpMs,
      ...(dialect === undefined ? {} : { dialect }),
      ...(sender === undefined ? {} : { senderport: sender.port }),
      ...cell.load.arguments,
    }
    const report = await load(cell, settings, server, measuring.onGate)
    if (report.missing !== undefined && report.missing !== 0) throw new Error(`${report.missing} deliveries never came`)
    if (report.phases.some(({ delivered }) => delivered === 0)) throw new Error('nothing came')
    return report
  } finally {
    // The last that was started goes first.
    for (const one of started.toReversed()) await one.stop()
  }
}

async function load(
  cell: Cell,
  settings: Readonly<Record<string, string | number>>,
  server: ServerProcess,
  onGate: Measuring['onGate'],
): Promise<LoadReport> {
  const gated = onGate === undefined ? settings : { ...settings, gate: GATE }
  const args = [cell.load.mode, ...Object.entries(gated).map(([name, value]) => `${name}=${value}`)]
  const program = pinned({ command: loadProgram(), args }, cell.isFree === true ? 'any' : 'load')
  const child = spawn(program.command, program.args, {
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    timeout: LOAD_TIMEOUT_MS,
  })
  endWithThis(child)
  const gate = child.stdio[GATE] as Duplex
  const waits: Promise<unknown>[] = []
  // A load that has ended does not read any more.
  gate.on('error', () => {})
  gate.on('data', () => waits.push(onGate!(server).then(() => gate.write('\n'))))
  const [printed, complaint] = await Promise.all([text(child.stdout!), text(child.stderr!), once(child, 'close')])
  await Promise.all(waits)
  if (child.exitCode === 0) return JSON.parse(printed) as LoadReport
  if (child.killed) throw new Error(`the load did not end within ${LOAD_TIMEOUT_MS / 1000} s`)
  throw new Error(complaint.trim() || `the load ended with ${child.exitCode ?? child.signalCode}`)
}
