import { readFileSync } from 'node:fs'
import { Command, InvalidArgumentError } from 'commander'
import { TidewayError } from '../errors/tideway-error.ts'
import { serveCommand, type ServeCommandOptions } from './serve-command.ts'
import { workerCommand, type WorkerCommandOptions } from './worker-command.ts'

const packageFile = new URL('../../package.json', import.meta.url)
const { version } = JSON.parse(readFileSync(packageFile, 'utf8')) as { readonly version: string }

const program = new Command('tideway').description('Serve real-time applications.').version(version)

program
  .command('serve')
  .description('Serve the application that a file exports as its default, over HTTP and WebSocket.')
  .argument('<file>', 'application.js, or application.ts where tsx or type stripping is there')
  .option(
    '-p, --port <port>',
    'TCP port to listen on; 0 for a free one (default: PORT, or 8000)',
    parsePort,
    portOfEnvironment(),
  )
  .option('-b, --host <host>', 'address to listen on', '127.0.0.1')
  .action((file: string, options: ServeCommandOptions) => serveCommand(file, options))

program
  .command('worker')
  .description(
    'Do the jobs that are sent to named channels, each at most once: one that fails, or whose worker dies, is lost. ' +
      'With --tasks, run the tasks of defineTasks, each at least once: none is lost.',
  )
  .argument('<file>', 'application.js, or application.ts where tsx or type stripping is there')
  .argument('[channels...]', 'names of the channels to take jobs from')
  .option('-c, --concurrency <number>', 'jobs of one channel at a time', parseCount, 1)
  .option('--tasks', 'run the tasks that the file exports as "tasks"')
  .option('-l, --layer <alias>', 'channel layer to take jobs from', 'default')
  .option('--stop-timeout <seconds>', 'how long jobs may go on after SIGINT or SIGTERM', parseCount, 30)
  .action((file: string, channels: string[], options: WorkerCommandOptions) => workerCommand(file, channels, options))

try {
  await program.parseAsync()
} catch (error) {
  // What tideway or the system says of itself needs no stack; a fault of the application does.
  const isExpected = error instanceof TidewayError || (error as { syscall?: unknown }).syscall !== undefined
  console.error(isExpected ? `tideway: ${(error as Error).message}` : error)
  process.exit(1)
}

function parseCount(text: string): number {
  const count = Number(text)
  if (/^\d+$/.test(text) && count >= 1 && count <= 10_000) return count
  throw new InvalidArgumentError('It is a whole number from 1 to 10000.')
}

function parsePort(text: string): number {
  const port = Number(text)
  if (/^\d+$/.test(text) && port <= 65_535) return port
  throw new InvalidArgumentError('A port is a number from 0 to 65535.')
}

function portOfEnvironment(): number {
  const { PORT } = process.env
  return PORT === undefined || PORT === '' ? 8000 : parsePort(PORT)
}
