import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { connect, createServer, type AddressInfo } from 'node:net'
import { cpus } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'

/** A program and its arguments. `PORT` in its arguments is the port that it gets. */
export interface Command {
  readonly command: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** Its output when it is ready, if listening is not enough. */
  readonly ready?: string
}

/** A program that listens on a port. */
export interface ServerProcess {
  readonly port: number
  /** The process and its children of now. */
  pids(): Promise<readonly number[]>
  stop(): Promise<void>
}

/** How long a server may take to listen, on a busy machine beside others that start. */
const START_TIMEOUT_MS = 60_000

/** Characters of the error output to keep, for the message if the server does not start. */
const KEPT_COMPLAINT = 4000

/** Whether server and load can have a processor each: else the scheduler's choices are measured. Linux with two at least. */
export const canPin: boolean =
  cpus().length > 1 && spawnSync('taskset', ['--version'], { stdio: 'ignore' }).status === 0

/** The processors of the bench: the server's, and that of the load and of whatever else takes part. */
export type Processor = 'server' | 'load' | 'any'

/** Puts a command on its processor, all its threads with it. */
export function pinned(program: Command, processor: Processor): Command {
  if (!canPin || processor === 'any') return program
  const { command, args } = program
  return { ...program, command: 'taskset', args: ['-c', processor === 'server' ? '0' : '1', command, ...args] }
}

/** Puts a process that runs on its processor, all its threads with it. */
export function pin(target: ChildProcess, processor: 'server' | 'load'): void {
  if (!canPin) return
  const list = processor === 'server' ? '0' : '1'
  spawnSync('taskset', ['-a', '-p', '-c', list, String(target.pid)], { stdio: 'ignore' })
}

/** Starts a server on a free port, and waits until it listens. */
export async function startServer(command: Command, processor: Processor = 'server'): Promise<ServerProcess> {
  const port = await freePort()
  const { command: file, args, env, ready } = pinned(command, processor)
  const child = spawn(
    file,
    args.map((argument) => argument.replace('PORT', String(port))),
    {
      stdio: ['ignore', ready === undefined ? 'ignore' : 'pipe', 'pipe'],
      env: { ...process.env, NODE_ENV: 'production', ...env },
    },
  )
  let complaint = ''
  let isReady = ready === undefined
  let said = ''
  child.stdout?.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-KEPT_COMPLAINT)
    isReady ||= said.includes(ready!)
  })
  child.stderr!.on('data', (chunk: Buffer) => {
    complaint = (complaint + chunk.toString()).slice(-KEPT_COMPLAINT)
  })
  let failure: Error | undefined
  child.once('error', (error) => {
    failure = error
  })
  endWithThis(child)
  try {
    await somebodyListens(port, () => {
      if (failure !== undefined) throw failure
      if (hasEnded(child)) throw new Error(reasonIn(complaint))
      return isReady
    })
  } catch (error) {
    await stop(child)
    throw error
  }
  const pid = child.pid!
  return { port, pids: async () => [pid, ...(await childrenOf(pid))], stop: () => stop(child) }
}

/** From /proc: nowhere else are there any to be found, and the process itself is all that is measured. */
async function childrenOf(pid: number): Promise<number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '')
  return text.split(' ').filter(Boolean).map(Number)
}

/** Kills a child that still runs when this process ends. */
export function endWithThis(child: ChildProcess): void {
  running.add(child)
  child.once('exit', () => running.delete(child))
}

/** Running processes. They end with this process. */
const running = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null
}

/** The line that names the error: in a stack of Node's the first that does, in Python's the last line. */
export function reasonIn(complaint: string): string {
  const lines = complaint.split('\n').filter((line) => line.trim() !== '')
  const named = lines.find((line) => /^\s*(\w*Error\b.*|error: .*)/i.test(line))
  return (named ?? lines.at(-1) ?? 'it ended without output').trim()
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || hasEnded(child)) return
  // Listen before the first await: otherwise the process may exit unnoticed, and the wait would never end.
  const ended = once(child, 'exit')
  const children = await childrenOf(child.pid)
  child.kill('SIGKILL')
  await ended
  // After their parent, which would start others.
  for (const pid of children) kill(pid)
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended with its parent.
  }
}

/** A port without a listener. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** Waits until a child process listens on the port. */
export async function listening(port: number, child: ChildProcess): Promise<void> {
  await somebodyListens(port, () => {
    if (hasEnded(child)) throw new Error(`The server ended with exit code ${child.exitCode}.`)
    return true
  })
}

/** Waits until a server listens on the port and is ready. Rejects with what `isReady` throws if the server cannot become ready. */
async function somebodyListens(port: number, isReady: () => boolean): Promise<void> {
  const deadline = performance.now() + START_TIMEOUT_MS
  while (performance.now() < deadline) {
    const wasReady = isReady()
    const socket = connect(port, '127.0.0.1')
    const isListening = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    })
    socket.destroy()
    if (isListening && wasReady) return
    await delay(20)
  }
  throw new Error(`it did not listen within ${START_TIMEOUT_MS / 1000} s`)
}
