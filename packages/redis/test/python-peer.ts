import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

import { programPath } from '../../../test/setup/describe-with.ts'

/** A value with its Python type, as `python/peer.py` sends and receives it. */
export type Tagged =
  | null
  | boolean
  | string
  | readonly Tagged[]
  | { readonly $int: string }
  | { readonly $float: string }
  | { readonly $bytes: string }
  | { readonly $map: readonly (readonly [string, Tagged])[] }

export const int = (value: number | bigint): Tagged => ({ $int: String(value) })
export const float = (repr: string): Tagged => ({ $float: repr })
export const bytes = (hex: string): Tagged => ({ $bytes: hex })
export const map = (entries: Record<string, Tagged>): Tagged => ({ $map: Object.entries(entries) })

interface Answer {
  readonly number?: number
  readonly result?: unknown
  readonly error?: string
}

/** A Python process with Debian's channels_redis, which runs the commands of a test. */
export class PythonPeer {
  readonly #child: ChildProcess
  readonly #waiting = new Map<number, { resolve: (result: unknown) => void; reject: (error: Error) => void }>()
  #commands = 0
  #errors = ''

  private constructor(child: ChildProcess) {
    this.#child = child
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.#errors += text
    })
    child.once('exit', () => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`Python ended:\n${this.#errors}`))
    })
  }

  static async start(): Promise<PythonPeer> {
    const child = spawn(programPath('python'), [fileURLToPath(new URL('python/peer.py', import.meta.url))], {
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    const peer = new PythonPeer(child)
    const lines = createInterface({ input: child.stdout })
    const ready = once(lines, 'line')
    lines.on('line', (line) => peer.#take(JSON.parse(line) as Answer))
    await Promise.race([
      ready,
      once(child, 'exit').then(() => {
        throw new Error(`Python did not start:\n${peer.#errors}`)
      }),
    ])
    return peer
  }

  do(operation: string, command: Record<string, unknown> = {}): Promise<unknown> {
    const number = ++this.#commands
    return new Promise((resolve, reject) => {
      this.#waiting.set(number, { resolve, reject })
      this.#child.stdin!.write(`${JSON.stringify({ ...command, do: operation, number })}\n`)
    })
  }

  /** A channel layer in that process. */
  async layer(
    kind: 'core' | 'core-json' | 'pubsub' | 'pubsub-coded' | 'tideway',
    config: object,
  ): Promise<PythonLayer> {
    const id = `layer${this.#commands}`
    await this.do('layer', { id, kind, config })
    return new PythonLayer(this, id)
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const exited = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await exited
  }

  #take({ number, result, error }: Answer): void {
    if (number === undefined) return
    const waiting = this.#waiting.get(number)!
    this.#waiting.delete(number)
    if (error === undefined) waiting.resolve(result)
    else waiting.reject(new Error(error))
  }
}

export class PythonLayer {
  readonly #peer: PythonPeer
  readonly #id: string

  constructor(peer: PythonPeer, id: string) {
    this.#peer = peer
    this.#id = id
  }

  newChannel(): Promise<string> {
    return this.#do('new_channel', {}) as Promise<string>
  }

  send(channel: string, message: Tagged): Promise<'sent' | 'full'> {
    return this.#do('send', { channel, message }) as Promise<'sent' | 'full'>
  }

  receive(channel: string, timeout = 10): Promise<Tagged> {
    return this.#do('receive', { channel, timeout }) as Promise<Tagged>
  }

  async groupAdd(group: string, channel: string): Promise<void> {
    await this.#do('group_add', { group, channel })
  }

  async groupDiscard(group: string, channel: string): Promise<void> {
    await this.#do('group_discard', { group, channel })
  }

  /** @param eventId the id of an event of a kept group */
  groupSend(group: string, message: Tagged, eventId?: string): Promise<unknown> {
    return this.#do('group_send', { group, message, ...(eventId !== undefined && { event_id: eventId }) })
  }

  async flush(): Promise<void> {
    await this.#do('flush', {})
  }

  #do(operation: string, command: Record<string, unknown>): Promise<unknown> {
    return this.#peer.do(operation, { ...command, id: this.#id })
  }
}
