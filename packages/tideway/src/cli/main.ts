import { readFileSync } from 'node:fs'
import { Command, InvalidArgumentError } from 'commander'
import { doctorProgram } from './doctor/doctor-program.ts'
import { initProgram } from './init/init-program.ts'
import { applicationFile, fileArgument } from './application-file.ts'
import { helpLayout } from './help-layout.ts'
import { printFailure } from './load-failure.ts'
import { serveCommand } from './serve-command.ts'
import { serveProgram } from './serve-program.ts'
import { workerCommand, type WorkerCommandOptions } from './worker-command.ts'

const packageFile = new URL('../../package.json', import.meta.url)
const { version } = JSON.parse(readFileSync(packageFile, 'utf8')) as { readonly version: string }

// Some platforms set a variable to nothing: it is not set.
for (const name of ['HOST', 'PORT', 'WEB_CONCURRENCY']) if (process.env[name] === '') delete process.env[name]

const program = new Command('tideway').description('Serve real-time applications.').version(version)

program.addCommand(initProgram())
program.addCommand(serveProgram(serveCommand))
program.addCommand(doctorProgram())

program
  .command('worker')
  .description(
    'Do the jobs that are sent to named channels, each at most once: one that fails, or whose worker dies, is lost. ' +
      'With --tasks, run the tasks of defineTasks, each at least once: none is lost.',
  )
  .configureHelp(helpLayout)
  .argument('[file]', fileArgument)
  .argument('[channels...]', 'names of the channels to take jobs from')
  .option('-c, --concurrency <number>', 'jobs of one channel at a time', parseCount, 1)
  .option('--tasks', 'run the tasks that the file exports as "tasks"')
  .option('-l, --layer <alias>', 'channel layer to take jobs from', 'default')
  .option('--job-timeout <seconds>', 'for a job of a channel; then it has failed (default: none)', parseCount)
  .option('--no-lifespan', 'do not tell the application of its start-up and shutdown')
  .option('--lifespan-timeout <seconds>', 'for its start-up, and for its shutdown', parseCount, 60)
  .option('--stop-timeout <seconds>', 'how long jobs may go on after SIGINT or SIGTERM', parseCount, 30)
  .option('--exit-timeout <seconds>', 'then, for the shutdown and the layers, until exit code 3', parseCount, 30)
  .action(async (file: string | undefined, channels: string[], options: WorkerCommandOptions) =>
    workerCommand(await applicationFile(file), channels, options),
  )

try {
  await program.parseAsync()
} catch (error) {
  printFailure(error)
  process.exit(1)
}

function parseCount(text: string): number {
  const count = Number(text)
  if (/^\d+$/.test(text) && count >= 1 && count <= 10_000) return count
  throw new InvalidArgumentError('It is a whole number from 1 to 10000.')
}
