import { readFileSync } from 'node:fs'
import { Command, InvalidArgumentError } from 'commander'
import { asyncApiProgram } from './asyncapi/asyncapi-program.ts'
import { doctorProgram } from './doctor/doctor-program.ts'
import { groupsProgram } from './groups/groups-program.ts'
import { publishProgram } from './groups/publish-program.ts'
import { tapProgram } from './groups/tap-program.ts'
import { whoProgram } from './groups/who-program.ts'
import { initProgram } from './init/init-program.ts'
import { applicationFile, fileArgument } from './application-file.ts'
import { helpLayout } from './help-layout.ts'
import { printFailure } from './load-failure.ts'
import { serveCommand } from './serve-command.ts'
import { DEFAULT_LIFESPAN_TIMEOUT_MS } from '../server/serve.ts'
import { DEFAULT_STOP_TIMEOUT_MS } from '../worker/task-backend.ts'
import { workerDefaults } from '../worker/worker.ts'
import { DEFAULT_EXIT_TIMEOUT_MS, serveProgram } from './serve-program.ts'
import { workerCommand, type WorkerCommandOptions } from './worker-command.ts'

const packageFile = new URL('../../package.json', import.meta.url)
const { version } = JSON.parse(readFileSync(packageFile, 'utf8')) as { readonly version: string }

// An empty variable, which some platforms set, counts as not set.
for (const name of ['HOST', 'PORT', 'WEB_CONCURRENCY']) if (process.env[name] === '') delete process.env[name]

const program = new Command('tideway').description('Serve real-time applications.').version(version)

program.addCommand(initProgram())
program.addCommand(serveProgram(serveCommand))
program.addCommand(doctorProgram())
program.addCommand(asyncApiProgram())
program.addCommand(publishProgram())
program.addCommand(tapProgram())
program.addCommand(whoProgram())
program.addCommand(groupsProgram())

program
  .command('worker')
  .description(
    'Run the jobs of named channels, at most once each: a job is lost if it fails or its worker dies. ' +
      'With --tasks, run the tasks of defineTasks, at least once each: no task is lost.',
  )
  .configureHelp(helpLayout)
  .argument('[file]', fileArgument)
  .argument('[channels...]', 'names of the channels of the jobs')
  .option('-c, --concurrency <number>', 'most jobs of one channel at once', parseCount, workerDefaults.concurrency)
  .option('--tasks', 'run the tasks that the file exports as "tasks"')
  .option('-l, --layer <alias>', 'alias of the channel layer of the jobs', 'default')
  .option('--job-timeout <seconds>', 'longest time of a job of a channel, then it fails (default: none)', parseCount)
  .option('--no-lifespan', 'do not send the application lifespan events')
  .option(
    '--lifespan-timeout <seconds>',
    'longest startup, and longest shutdown',
    parseCount,
    DEFAULT_LIFESPAN_TIMEOUT_MS / 1000,
  )
  .option(
    '--stop-timeout <seconds>',
    'longest wait for jobs after SIGINT or SIGTERM',
    parseCount,
    DEFAULT_STOP_TIMEOUT_MS / 1000,
  )
  .option(
    '--exit-timeout <seconds>',
    'longest time of shutdown and layers, then exit code 3',
    parseCount,
    DEFAULT_EXIT_TIMEOUT_MS / 1000,
  )
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
  throw new InvalidArgumentError('Must be a whole number from 1 to 10000.')
}
