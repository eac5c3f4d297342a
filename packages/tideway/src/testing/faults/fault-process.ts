import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo } from 'node:net'
import { TidewayError } from '../../errors/tideway-error.ts'

/** How to start a program that listens on a port of 127.0.0.1. */
export interface FaultProgram {
  /** The program and its arguments. */
  readonly command: readonly string[]
  readonly cwd?: string | undefined
  /** Variables that are added to the environment of the test. */
  readonly env?: Readonly<Record<string, string>> | undefined
  /** Time limit until it listens on its port, in milliseconds. */
  readonly startTimeoutMs: number
}

/** The number of bytes of the output that an error shows. */
const SHOWN_OUTPUT = 4096
const CONNECT_INTERVAL_MS = 20

// Read before a test can install fake timers. Those are for the application.
const { setTimeout } = globalThis
const delay = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms))

const running = new Set<ChildProcess>()

/** Kills what runs when this process exits: a test runner that ends early does not wait for the end of a test. */
function killAtExit(child: ChildProcess): void {
  if (running.size === 0) process.once('exit', killRunning)
  running.add(child)
}

function forget(child: ChildProcess): void {
  running.delete(child)
  if (running.size === 0) process.off('exit', killRunning)
}

function killRunning(): void {
  for (const child of running) signalGroup(child, 'SIGKILL')
}

/** A program of a test with faults: it can be killed, started again, and paused. Its port stays the same. */
export class FaultProcess {
  readonly port: number
  readonly #program: FaultProgram
  #child: ChildProcess | undefined
  #exited: Promise<unknown> = Promise.resolve()
  #output = ''

  private constructor(port: number, program: FaultProgram) {
    this.port = port
    this.#program = program
  }

  /** @internal */
  static async start(programOf: (port: number) => FaultProgram): Promise<FaultProcess> {
    const port = await freePort()
    const started = new FaultProcess(port, programOf(port))
    await started.start()
    return started
  }

  /** The id of the process; `undefined` while it does not run. */
  get pid(): number | undefined {
    return this.#child?.pid
  }

  /** Kills the process with SIGKILL, together with the processes that it has started. */
  async kill(): Promise<void> {
    const child = this.#child
    if (child === undefined) return
    signalGroup(child, 'SIGKILL')
    await this.#exited
  }

  /**
   * Starts the program again, if it does not run, and waits until it listens on its port.
   * @throws TidewayError `ERR_TEST_PROGRAM` if it ends before, or does not listen in time
   */
  async start(): Promise<void> {
    if (this.#child !== undefined) return
    const { command, cwd, env, startTimeoutMs } = this.#program
    const [file = '', ...args] = command
    // The leader of its own process group, so that a signal reaches the program behind `npx` or a shell.
    const child = spawn(file, args, {
      cwd,
      env: { ...process.env, ...env },
      detached: process.platform !== 'win32',
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#child = child
    this.#output = ''
    killAtExit(child)
    let end: string | undefined
    this.#exited = new Promise<void>((resolve) => {
      const onEnd = (problem: string): void => {
        end = problem
        forget(child)
        this.#child = undefined
        resolve()
      }
      child.once('error', (error) => onEnd(error.message))
      child.once('exit', (code, signal) => onEnd(`it has ended with ${signal ?? `the exit code ${code}`}`))
    })
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#output = (this.#output + text).slice(-SHOWN_OUTPUT)
      })
    }
    const endsAt = performance.now() + startTimeoutMs
    while (!(await accepts(this.port))) {
      if (end !== undefined) throw this.#notStarted(end)
      if (performance.now() > endsAt) {
        await this.kill()
        throw this.#notStarted(`it has not listened within ${startTimeoutMs} ms`)
      }
      await delay(CONNECT_INTERVAL_MS)
    }
  }

  /** Kills the process and starts it again. @throws TidewayError `ERR_TEST_PROGRAM` */
  async restart(): Promise<void> {
    await this.kill()
    await this.start()
  }

  /** Stops the process with SIGSTOP: its connections stay open, and it does not answer. Not on Windows. */
  pause(): void {
    if (this.#child !== undefined) signalGroup(this.#child, 'SIGSTOP')
  }

  /** Continues a paused process. */
  resume(): void {
    if (this.#child !== undefined) signalGroup(this.#child, 'SIGCONT')
  }

  #notStarted(problem: string): TidewayError {
    const output = this.#output === '' ? '' : `\n${this.#output.trimEnd()}`
    return new TidewayError(
      'ERR_TEST_PROGRAM',
      `"${this.#program.command.join(' ')}" must listen on port ${this.port} of 127.0.0.1: ${problem}.${output}`,
    )
  }
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return
  try {
    if (process.platform === 'win32') child.kill(signal)
    else process.kill(-child.pid, signal)
  } catch {
    // The process has ended.
  }
}

async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

/** A port that was free a moment ago. A program cannot report the port 0 in a form that all programs share. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
