import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { startProgram, type RunningProgram } from '../setup/child-process.ts'
import { bundledChat, bundledTideway } from '../setup/compiled.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** The chat, compiled as for `npm start`, and served by a process of its own. */
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
  const args = [bundledTideway, 'serve', bundledChat, '--host=127.0.0.1', `--port=${port}`, ...flags]
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
