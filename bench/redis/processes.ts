import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface, type Interface } from 'node:readline'
import { fileURLToPath } from 'node:url'

export type LayerKind = 'pubsub' | 'core'

const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url))

/** Starts a separate redis-server. */
export async function startRedis(): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  probe.close()
  await once(probe, 'close')
  const folder = mkdtempSync(join(tmpdir(), 'tideway-bench-redis-'))
  const args = ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder]
  const child = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'] })
  for await (const line of createInterface({ input: child.stdout })) if (line.includes('Ready to accept')) break
  child.stdout.resume()
  return {
    url: `redis://127.0.0.1:${port}`,
    async stop() {
      child.kill()
      await once(child, 'exit')
      rmSync(folder, { recursive: true })
    },
  }
}

/** The CPU time and the deliveries of a receiving process since its start. */
export interface Report {
  readonly delivered: number
  readonly cpuMs: number
}

/** A process with members of the group `bench`. */
export class Receiver {
  readonly #child: ChildProcess
  readonly #lines: Interface
  readonly channel: string

  private constructor(child: ChildProcess, lines: Interface, channel: string) {
    this.#child = child
    this.#lines = lines
    this.channel = channel
  }

  static async start(language: 'tideway' | 'python', kind: LayerKind, url: string, members: number): Promise<Receiver> {
    const [command, ...args]: [string, ...string[]] =
      language === 'tideway'
        ? [process.execPath, '--import', 'tsx', '--conditions', '@tideway/source', here('receiver.ts')]
        : ['/usr/bin/python3', here('receiver.py')]
    const child = spawn(command, [...args, kind, url, String(members)], { stdio: ['pipe', 'pipe', 'inherit'] })
    const lines = createInterface({ input: child.stdout })
    const [channel] = (await once(lines, 'line')) as [string]
    return new Receiver(child, lines, channel)
  }

  async report(): Promise<Report> {
    const answer = once(this.#lines, 'line')
    this.#child.stdin!.write('report\n')
    return JSON.parse(((await answer) as [string])[0]) as Report
  }

  /** Waits until this number of messages has been delivered in total. */
  async delivered(count: number): Promise<Report> {
    const answer = once(this.#lines, 'line')
    this.#child.stdin!.write(`${count}\n`)
    return JSON.parse(((await answer) as [string])[0]) as Report
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGKILL')
    await once(this.#child, 'exit')
  }
}
