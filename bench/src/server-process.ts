import { execFileSync, fork, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
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
export async function startServer(name: string, env: NodeJS.ProcessEnv = {}): Promise<ServerProcess> {
  const port = await freePort()
  const file = fileURLToPath(new URL(`../servers/${name}.js`, import.meta.url))
  const report = new URL('./report.js', import.meta.url).href
  const child = fork(file, [String(port)], {
    execArgv: ['--import', report],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    env: { ...process.env, ...env },
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
    stop: () => stop(child),
  }
}

/** Starts another system's server on a free port, which takes the place of PORT in its arguments. Linux only. */
export async function startCommand(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<ServerProcess> {
  const port = await freePort()
  const child = spawn(
    command,
    args.map((arg) => arg.replace('PORT', String(port))),
    { stdio: ['ignore', 'ignore', 'inherit'], env: { ...process.env, ...env } },
  )
  pin(child, 0)
  await listening(port, child)
  return { port, usage: () => usageOf(child.pid!), stop: () => stop(child) }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}

/** From /proc, in ticks of 10 ms and pages of 4 KiB (proc(5)). */
async function usageOf(pid: number): Promise<Usage> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return {
    cpuMicroseconds: (Number(fields[11]) + Number(fields[12])) * 10_000,
    residentBytes: Number(fields[21]) * 4096,
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

/** A port that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** Waits until somebody listens on the port. */
export async function listening(port: number, child: ChildProcess): Promise<void> {
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
