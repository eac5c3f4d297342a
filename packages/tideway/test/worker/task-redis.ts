import { Redis } from 'ioredis'
import { programPath } from '../../../../test/setup/describe-with.ts'
import { startProgram, type RunningProgram } from '../../../../test/setup/child-process.ts'
import { freePort } from '../../../../test/setup/free-port.ts'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { kill } from './processes.ts'

/** A real redis-server that keeps every write on the disk, so that it may be killed and started again. */
export class TaskRedis {
  readonly url: string
  readonly client: Redis
  readonly #port: number
  readonly #folder: string
  #program: RunningProgram | undefined

  private constructor(port: number, folder: string) {
    this.#port = port
    this.#folder = folder
    this.url = `redis://127.0.0.1:${port}`
    this.client = new Redis(this.url, { lazyConnect: true })
    this.client.on('error', () => {})
  }

  static async start(): Promise<TaskRedis> {
    const server = new TaskRedis(await freePort(), await mkdtemp(join(tmpdir(), 'tideway-tasks-')))
    await server.run()
    return server
  }

  /** Starts it, or starts it again on the same port with what it had. */
  async run(): Promise<void> {
    const args = ['--port', String(this.#port), '--bind', '127.0.0.1', '--dir', this.#folder]
    this.#program = await startProgram(
      programPath('redis'),
      [...args, '--save', '', '--appendonly', 'yes', '--appendfsync', 'always'],
      { ready: /Ready to accept connections/ },
    )
  }

  /** The process is gone at once, as after a crash. */
  async crash(): Promise<void> {
    if (this.#program !== undefined) await kill(this.#program)
  }

  async stop(): Promise<void> {
    this.client.disconnect()
    await this.#program?.stop()
    await rm(this.#folder, { recursive: true })
  }
}
