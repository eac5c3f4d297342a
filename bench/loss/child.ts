import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { benchFolder, isBuilt } from '../src/programs.ts'
import { endWithThis, pin, type Processor } from '../src/server-process.ts'
import type { LoadAnswer, LoadOrder, LoadReport } from './load-report.ts'
import type { Message } from './rooms.ts'
import type { ServerAnswer, ServerOrder } from './servers/publisher.ts'

/** Characters of the error output to keep. */
const KEPT_COMPLAINT = 2000
const START_TIMEOUT_MS = 60_000

/** Arguments of Node for programs that are not compiled. A test replaces them by faster ones. */
export const sourceFlags: string[] = ['--conditions=@tideway/source', '--import=tsx']

/** A program of this folder, compiled or from the source. */
export function ownProgram(name: string): string {
  return isBuilt ? join(benchFolder, 'dist/loss', `${name}.js`) : join(benchFolder, 'loss', `${name}.ts`)
}

/** A child process that answers orders by their number. Its first answer, without an order, has the number 0. */
class Child<Order extends object, Answer extends object> {
  readonly process: ChildProcess
  readonly exited: Promise<unknown>
  readonly #waiting = new Map<number, { resolve(answer: Answer): void; reject(error: Error): void }>()
  #orders = 0
  readonly #first: Promise<Answer>
  #complaint = ''

  constructor(program: string, processor: Processor, env: Readonly<Record<string, string>>) {
    this.process = fork(program, [], {
      execArgv: program.endsWith('.ts') ? [...sourceFlags] : [],
      env: { ...process.env, NODE_ENV: 'production', ...env },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    endWithThis(this.process)
    if (processor !== 'any') pin(this.process, processor)
    this.#first = new Promise((resolve, reject) => this.#waiting.set(0, { resolve, reject }))
    this.process.on('message', (answer: Answer & { readonly id: number; readonly failed?: string }) => {
      const waiting = this.#waiting.get(answer.id)
      this.#waiting.delete(answer.id)
      if (answer.failed === undefined) waiting?.resolve(answer)
      else waiting?.reject(new Error(answer.failed))
    })
    this.process.stderr!.on('data', (chunk: Buffer) => {
      this.#complaint = (this.#complaint + chunk.toString()).slice(-KEPT_COMPLAINT)
    })
    this.exited = once(this.process, 'exit').then(() => {
      const error = new Error(`${program} has ended. ${this.#complaint}`)
      for (const { reject } of this.#waiting.values()) reject(error)
      this.#waiting.clear()
    })
  }

  /** The answer that the child sends by itself when it is ready. */
  async ready(): Promise<Answer> {
    const timer = setTimeout(() => this.process.kill('SIGKILL'), START_TIMEOUT_MS)
    try {
      return await this.#first
    } finally {
      clearTimeout(timer)
    }
  }

  ask(order: Order): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const id = ++this.#orders
      this.#waiting.set(id, { resolve, reject })
      this.process.send({ ...order, id }, (error) => {
        if (error !== null) reject(error)
      })
    })
  }

  async stop(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    this.process.kill(signal)
    await this.exited
  }
}

/** A server process. */
export class ServerChild {
  readonly port: number
  readonly #child: Child<ServerOrder, ServerAnswer>

  private constructor(child: Child<ServerOrder, ServerAnswer>, port: number) {
    this.#child = child
    this.port = port
  }

  static async start(
    program: string,
    processor: Processor,
    env: Readonly<Record<string, string>>,
  ): Promise<ServerChild> {
    const child = new Child<ServerOrder, ServerAnswer>(program, processor, env)
    const answer = await child.ready()
    return new ServerChild(child, (answer as { port: number }).port)
  }

  get signal(): NodeJS.Signals | null {
    return this.#child.process.signalCode
  }

  async publish(message: Message): Promise<void> {
    await this.#child.ask({ do: 'publish', message })
  }

  async cpuMs(): Promise<number> {
    const answer = await this.#child.ask({ do: 'usage' })
    return (answer as { cpuMicroseconds: number }).cpuMicroseconds / 1000
  }

  stop(signal?: NodeJS.Signals): Promise<void> {
    return this.#child.stop(signal)
  }
}

/** A load process. */
export class LoadChild {
  readonly #child: Child<LoadOrder, LoadAnswer>

  private constructor(child: Child<LoadOrder, LoadAnswer>) {
    this.#child = child
  }

  static async start(processor: Processor): Promise<LoadChild> {
    const child = new Child<LoadOrder, LoadAnswer>(ownProgram('load'), processor, {})
    await child.ready()
    return new LoadChild(child)
  }

  async order(order: Exclude<LoadOrder, { readonly do: 'finish' }>): Promise<void> {
    await this.#child.ask(order)
  }

  async finish(published: number): Promise<LoadReport> {
    const answer = await this.#child.ask({ do: 'finish', published })
    return (answer as { report: LoadReport }).report
  }

  stop(): Promise<void> {
    return this.#child.stop()
  }
}
