import { Command, InvalidArgumentError } from 'commander'
import { DEFAULT_LIFESPAN_TIMEOUT_MS } from '../server/serve.ts'
import { DEFAULT_STOP_TIMEOUT_MS } from '../worker/task-backend.ts'
import { workerDefaults } from '../worker/worker.ts'
import { applicationFile, fileArgument } from './application-file.ts'
import { helpLayout } from './help/help-layout.ts'
import { DEFAULT_EXIT_TIMEOUT_MS } from './serve-program.ts'
import { workerCommand, type WorkerCommandOptions } from './worker-command.ts'

/** The command `tideway worker`. */
export function workerProgram(): Command {
  return new Command('worker')
    .summary('run jobs of channels, or tasks')
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
}

function parseCount(text: string): number {
  const count = Number(text)
  if (/^\d+$/.test(text) && count >= 1 && count <= 10_000) return count
  throw new InvalidArgumentError('Must be a whole number from 1 to 10000.')
}
