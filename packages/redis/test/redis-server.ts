import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { Redis } from 'ioredis'

import { startProgram, type RunningProgram } from '../../../test/setup/child-process.ts'
import { programPath } from '../../../test/setup/describe-with.ts'
import { freePort } from '../../../test/setup/free-port.ts'

/** A separate redis-server without persistence. */
export class RedisServer {
  readonly port: number
  readonly folder: string
  readonly #args: readonly string[]
  #program: RunningProgram | undefined
  #client: Redis | undefined

  private constructor(port: number, folder: string, args: readonly string[]) {
    this.port = port
    this.folder = folder
    this.#args = args
  }

  /** @param args additional arguments of the command line */
  static async start(...args: string[]): Promise<RedisServer> {
    const folder = await mkdtemp(join(tmpdir(), 'tideway-redis-'))
    for (let attempt = 1; ; attempt++) {
      const server = new RedisServer(await freePort(), folder, args)
      try {
        await server.run()
        return server
      } catch (error) {
        // Another process may have taken the port.
        if (attempt === 3) throw error
      }
    }
  }

  /**
   * Starts a Sentinel.
   * @param args additional arguments of the command line
   * @param lines the lines of its configuration file, which it rewrites
   */
  static async startSentinel(args: readonly string[], ...lines: string[]): Promise<RedisServer> {
    const folder = await mkdtemp(join(tmpdir(), 'tideway-sentinel-'))
    const file = join(folder, 'sentinel.conf')
    await writeFile(file, `${lines.join('\n')}\n`)
    const server = new RedisServer(await freePort(), folder, args)
    const where = ['--port', String(server.port), '--bind', '127.0.0.1', '--dir', folder]
    server.#program = await startProgram(programPath('redis'), [file, '--sentinel', ...where, ...args], {
      ready: server.port,
    })
    return server
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`
  }

  get address(): [string, number] {
    return ['127.0.0.1', this.port]
  }

  /** A client for inspection. */
  get client(): Redis {
    if (this.#client === undefined) {
      this.#client = new Redis({ port: this.port, host: '127.0.0.1', protocol: 2, replyMapping: 'legacy' })
      // It reconnects, because tests stop servers.
      this.#client.on('error', () => {})
    }
    return this.#client
  }

  /** Starts the server, also again on the same port. */
  async run(): Promise<void> {
    const args = ['--port', String(this.port), '--bind', '127.0.0.1', '--dir', this.folder, '--save', '']
    this.#program = await startProgram(programPath('redis'), [...args, '--appendonly', 'no', ...this.#args], {
      ready: /Ready to accept connections|Running mode=sentinel/,
    })
  }

  async keys(): Promise<string[]> {
    return (await this.client.keys('*')).sort()
  }

  /** Kills the process, as in a crash. */
  async crash(): Promise<void> {
    this.signal('SIGKILL')
    await this.#program?.exited
  }

  signal(signal: NodeJS.Signals): void {
    if (this.#program !== undefined) process.kill(this.#program.pid, signal)
  }

  async stop(): Promise<void> {
    this.#client?.disconnect()
    this.#client = undefined
    // A process stopped with SIGSTOP ignores other signals.
    try {
      this.signal('SIGCONT')
    } catch {
      // The process has exited already.
    }
    await this.#program?.stop()
    await rm(this.folder, { recursive: true, force: true })
  }
}

/** Runs redis-cli. */
export function redisCli(...args: string[]): Promise<string> {
  const path = programPath('redis').replace(/redis-server$/, 'redis-cli')
  return new Promise((resolve, reject) => {
    execFile(path, args, (error, stdout, stderr) => {
      if (error === null) resolve(stdout)
      else reject(new Error(`${error.message}\n${stdout}${stderr}`))
    })
  })
}
