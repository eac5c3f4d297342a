import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createInterface, type Interface } from 'node:readline'
import { fileURLToPath } from 'node:url'

export type Engine = 'cluster' | 'redis'

/** Another process with a layer, and with this number of members and followers. */
export class Peer {
  readonly pid: number
  readonly #child: ChildProcess
  readonly #lines: Interface

  private constructor(child: ChildProcess, lines: Interface) {
    this.pid = child.pid ?? 0
    this.#child = child
    this.#lines = lines
  }

  static async start(engine: Engine, address: string, members: number): Promise<Peer> {
    const program = fileURLToPath(new URL('process.ts', import.meta.url))
    const args = ['--import', 'tsx', '--conditions=@tideway/source', program, engine, address, String(members)]
    const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] })
    const lines = createInterface({ input: child.stdout })
    await once(lines, 'line')
    return new Peer(child, lines)
  }

  /** Waits until this number of messages was delivered in total. */
  async delivered(count: number): Promise<void> {
    const answer = once(this.#lines, 'line')
    this.#child.stdin?.write(`${count}\n`)
    await answer
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGKILL')
    await once(this.#child, 'exit')
  }
}

/** The processor time of the main thread of a process, in microseconds. */
export function cpuOf(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[0]) / 1000
}
