import { spawn, type ChildProcess, type ChildProcessByStdio } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { connect } from 'node:net'
import type { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'

/** How to start a program and to know that it is ready. */
export interface ChildProcessOptions {
  /** A line that it prints, on either stream, or a port of 127.0.0.1 that it listens on. */
  readonly ready: RegExp | number
  readonly cwd?: string
  /** Descriptors to inherit, from 3 on. */
  readonly descriptors?: readonly number[]
  /** Added to this process' own. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** How long it may take to be ready. @default 60000 */
  readonly startTimeoutMs?: number
  /** How long it may take to end after SIGTERM, before SIGKILL. @default 20000 */
  readonly stopTimeoutMs?: number
}

/** How a program ended: by itself, with a code, or by a signal. */
export interface ChildExit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** A program that runs beside the tests. Stop it in a `finally`, an `afterEach` or an `afterAll`. */
export interface RunningProgram {
  readonly pid: number
  /** What matched `ready`; `undefined` where that was a port. */
  readonly readyMatch: RegExpExecArray | undefined
  /** The last 64 kB of what it has printed, both streams as they came. */
  readonly output: () => string
  /** Settles when it has ended, whatever ended it. */
  readonly exited: Promise<ChildExit>
  /** SIGTERM, then SIGKILL after `stopTimeoutMs`. May be called again, and after its end. */
  readonly stop: () => Promise<ChildExit>
}

const OUTPUT_KEPT = 64 * 1024
const CONNECT_EVERY_MS = 20

// Whatever a test forgets, or a worker that is torn down cannot do any more: nothing outlives this process.
const running = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/**
 * Starts a program and waits until it is ready. Throws, with what the program has printed, when it ends before that or
 * is not ready in time; it is stopped then.
 */
export async function startProgram(
  command: string,
  args: readonly string[],
  options: ChildProcessOptions,
): Promise<RunningProgram> {
  const { ready, cwd, env, descriptors = [], startTimeoutMs = 60_000, stopTimeoutMs = 20_000 } = options
  const child = spawn(command, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe', ...descriptors],
  }) as ChildProcessByStdio<null, Readable, Readable>
  running.add(child)

  let output = ''
  const printed = new EventEmitter<{ line: [] }>()
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8')
    stream.on('data', (text: string) => {
      output = (output + text).slice(-OUTPUT_KEPT)
      printed.emit('line')
    })
  }

  const exited = new Promise<ChildExit>((resolve) => {
    child.once('error', (error) => {
      output += error.message
      if (child.pid === undefined) resolve({ code: null, signal: null })
    })
    child.once('close', (code, signal) => resolve({ code, signal }))
  }).finally(() => running.delete(child))

  const stop = async (): Promise<ChildExit> => {
    child.kill('SIGTERM')
    const killer = setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs)
    try {
      return await exited
    } finally {
      clearTimeout(killer)
    }
  }

  const giveUp = new AbortController()
  const timer = setTimeout(() => giveUp.abort(`was not ready within ${startTimeoutMs} ms`), startTimeoutMs)
  void exited.then(({ code, signal }) => giveUp.abort(`ended (code ${code}, signal ${signal}) before it was ready`))
  try {
    let readyMatch: RegExpExecArray | undefined
    if (typeof ready === 'number') await portOpens(ready, giveUp.signal)
    else while ((readyMatch = ready.exec(output) ?? undefined) === undefined) await once(printed, 'line', giveUp)
    return { pid: child.pid!, readyMatch, output: () => output, exited, stop }
  } catch (error) {
    await stop()
    if (!giveUp.signal.aborted) throw error
    const problem = `${command} ${String(giveUp.signal.reason)}. It printed:\n${output || '(nothing)'}`
    throw new Error(problem, { cause: error })
  } finally {
    clearTimeout(timer)
  }
}

async function portOpens(port: number, signal: AbortSignal): Promise<void> {
  for (;;) {
    signal.throwIfAborted()
    const socket = connect(port, '127.0.0.1')
    try {
      await once(socket, 'connect')
      return
    } catch {
      await delay(CONNECT_EVERY_MS)
    } finally {
      socket.destroy()
    }
  }
}
