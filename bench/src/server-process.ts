import { execFileSync, fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

/** What a server process has used since it began. */
export interface Usage {
  readonly cpuMicroseconds: number
  readonly residentBytes: number
}

/** A server in a process of its own, on the first processor where there is a way to say so. */
export interface ServerProcess {
  readonly port: number
  usage(): Promise<Usage>
  stop(): Promise<void>
}

/** How long a server may take to listen. */
const START_TIMEOUT_MS = 20_000

/** Starts `servers/NAME` on a free port. */
export async function startServer(name: string): Promise<ServerProcess> {
  const port = await freePort()
  const file = fileURLToPath(new URL(`../servers/${name}.js`, import.meta.url))
  const report = new URL('./report.js', import.meta.url).href
  const child = fork(file, [String(port)], {
    execArgv: ['--import', report],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  pin(child, 0)
  await listening(port, child)
  return {
    port,
    async usage() {
      child.send('usage')
      const [usage] = (await once(child, 'message')) as [Usage]
      return usage
    },
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGKILL')
      await once(child, 'exit')
    },
  }
}

/** Server on one processor and load on another: else the scheduler's choices are measured. Linux only. */
export function pin(target: ChildProcess | NodeJS.Process, processor: number): void {
  try {
    execFileSync('taskset', ['-a', '-p', '-c', String(processor), String(target.pid)], { stdio: 'ignore' })
  } catch {
    // There is no taskset, or no second processor. The figures still compare within one run.
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

async function listening(port: number, child: ChildProcess): Promise<void> {
  const deadline = performance.now() + START_TIMEOUT_MS
  while (performance.now() < deadline) {
    if (child.exitCode !== null) throw new Error(`The server ended with exit code ${child.exitCode}.`)
    const socket = connect(port, '127.0.0.1')
    const isListening = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    })
    socket.destroy()
    if (isListening) return
    await delay(50)
  }
  throw new Error(`The server did not listen within ${START_TIMEOUT_MS} ms.`)
}
