import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import { startProgram, type RunningProgram } from '../setup/child-process.ts'
import { fromSources } from '../setup/from-sources.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** The chat, served from its sources by a process of its own, as `tideway serve` does it. */
export interface ChatServer extends RunningProgram {
  readonly port: number
  /** Such as `http://localhost:49152`. */
  readonly origin: string
}

/** How to start {@link startChat}. */
export interface ChatServerOptions {
  /** 0 for a free one, or the one that it had before. @default 0 */
  readonly port?: number
  /** The file of its database. */
  readonly database: string
  /** Further flags of `tideway serve`. @default none */
  readonly flags?: readonly string[]
  /** Added to this process' own environment. */
  readonly env?: Readonly<Record<string, string | undefined>>
}

/** Starts the chat. */
export async function startChat({ port = 0, database, flags = [], env }: ChatServerOptions): Promise<ChatServer> {
  await (builtClient ??= buildClient())
  const cli = ['packages/tideway/src/cli/main.ts', 'serve', 'examples/chat/src/application.ts']
  const args = [...fromSources, ...cli, '--host=127.0.0.1', `--port=${port}`, ...flags]
  const program = await startProgram(process.execPath, args, {
    cwd: root,
    ready: /https?:\/\/[^\s/]+:(\d+)/,
    env: { ...env, CHAT_DATABASE: database },
  })
  const listening = Number(program.readyMatch?.[1])
  return { ...program, port: listening, origin: `http://localhost:${listening}` }
}

/** A folder for a database that is gone after the tests. */
export async function databaseFolder(): Promise<{ file: (name: string) => string; remove: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'tideway-chat-'))
  return { file: (name) => join(folder, name), remove: () => rm(folder, { recursive: true, force: true }) }
}

let builtClient: Promise<unknown> | undefined

/** The page loads the client as `tsc` builds it, which `npm start` does and a test run does not. */
function buildClient(): Promise<unknown> {
  const tsc = fileURLToPath(new URL('../../node_modules/typescript/bin/tsc', import.meta.url))
  return promisify(execFile)(process.execPath, [tsc, '-b', 'packages/client'], { cwd: root })
}
