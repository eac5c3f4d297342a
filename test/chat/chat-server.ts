import { fileURLToPath } from 'node:url'

import { startProgram, type RunningProgram } from '../setup/child-process.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** The chat, served from its sources by a process of its own, as `tideway serve` does it. */
export interface ChatServer extends RunningProgram {
  readonly port: number
  /** Such as `http://localhost:49152`. */
  readonly origin: string
}

/** Starts the chat on a free port, or on the port that it had before. */
export async function startChat(port = 0): Promise<ChatServer> {
  const cli = ['packages/tideway/src/cli/main.ts', 'serve', 'examples/chat/src/application.ts']
  const args = ['--conditions=@tideway/source', '--import=tsx', ...cli, '--host=127.0.0.1', `--port=${port}`]
  const program = await startProgram(process.execPath, args, { cwd: root, ready: /https?:\/\/[^\s/]+:(\d+)/ })
  const listening = Number(program.readyMatch?.[1])
  return { ...program, port: listening, origin: `http://localhost:${listening}` }
}
