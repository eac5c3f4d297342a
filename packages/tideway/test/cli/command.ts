import { spawn, type ChildProcess, type StdioOptions } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import { compileProgram, tidewayFor } from '../../../../test/setup/compiled.ts'

/** How a command is run. */
export interface CommandOptions {
  /** Added to this process' own. */
  readonly env?: NodeJS.ProcessEnv
  /** The folder that it runs in. @default that of this process */
  readonly cwd?: string
  /** Descriptors to inherit, from 3 on. */
  readonly descriptors?: readonly number[]
  /** What a shell does before it becomes the command, and so has its process id. */
  readonly before?: string
  /** Another build of the command line. @default the bundled one for an application of `fixture`, otherwise the compiled one */
  readonly main?: string
}

/** A run of the command line. */
export class Command {
  readonly process: ChildProcess
  /** What it has written, both streams. */
  output = ''
  #changed: (() => void) | undefined
  readonly #ended: Promise<unknown>

  constructor(args: readonly string[], options: CommandOptions = {}) {
    const { env = {}, cwd, descriptors = [], before, main = tidewayFor([...args, cwd ?? '.']) } = options
    const stdio: StdioOptions = ['ignore', 'pipe', 'pipe', ...descriptors]
    const command = [process.execPath, main, ...args]
    const [program, ...rest] =
      before === undefined ? command : ['/bin/sh', '-c', `${before} exec "$@"`, 'sh', ...command]
    this.process = spawn(program!, rest, { stdio, cwd, env: { ...process.env, ...env } })
    for (const stream of [this.process.stdout!, this.process.stderr!]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.output += text
        this.#changed?.()
      })
    }
    this.#ended = once(this.process, 'close').then(() => this.#changed?.())
    onTestFinished(() => void this.process.kill('SIGKILL'))
  }

  /** Waits until the pattern is in the output, and gives what it found. */
  async says(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = pattern.exec(this.output)
      if (found !== null) return found
      if (this.process.exitCode !== null) throw new Error(`It ended without ${pattern.source}:\n${this.output}`)
      await new Promise<void>((resolve) => {
        this.#changed = resolve
      })
    }
  }

  /** Waits until it listens, and says where. */
  async url(): Promise<string> {
    const [, url] = await this.says(/Listening on (\S+)/)
    return url!
  }

  /** Waits for its end. */
  async exitCode(): Promise<number | null> {
    await this.#ended
    return this.process.exitCode
  }
}

/** Returns the path of an application of the folder `fixtures`, compiled. */
export function fixture(name: string): string {
  return compileProgram(new URL(`fixtures/${name}`, import.meta.url))
}

/** Returns the path of a file of the folder `fixtures`. */
export function fixtureSource(name: string): string {
  return fileURLToPath(new URL(`fixtures/${name}`, import.meta.url))
}
