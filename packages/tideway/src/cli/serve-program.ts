import { isIP } from 'node:net'
import { Command, Option } from 'commander'
import { TidewayError } from '../errors/tideway-error.ts'
import { systemdSockets } from '../server/listen/systemd-sockets.ts'
import type { ListenTarget } from '../server/listen/listen-target.ts'
import type { ServeOptions } from '../server/options.ts'
import { fileArgument } from './application-file.ts'
import { AccessLogFile, type AccessLogFormat } from './access-log-file.ts'
import { consoleLogger, type Verbosity } from './console-logger.ts'
import { helpLayout } from './help/help-layout.ts'
import { translatable } from './help/translate-help.ts'
import { mode, seconds, workerCount } from './parse.ts'
import { workerRole } from './processes/worker-role.ts'
import type { ProcessOptions } from './processes/process-options.ts'
import { optionOf, serveFlags } from './serve-flags.ts'

/** The longest time of everything after the drain, in milliseconds. */
export const DEFAULT_EXIT_TIMEOUT_MS = 30_000

/** The flags that set no single option of `serve()`. */
interface OwnFlags {
  readonly unixSocketMode?: number
  readonly verbosity: string
  readonly accessLog?: string
  readonly accessLogFormat: AccessLogFormat
  readonly workers: number
  readonly exitTimeout?: number
  readonly reload?: boolean
}

const footer = `
Sizes may have a unit: 64k, 1M. A flag with "off" in its default can be off.

Signals:
  SIGTERM, SIGINT  stop in order; a second one stops at once
  SIGHUP           reads the certificate again, and opens the access log again;
                   with several workers, replaces them one by one with the
                   present code

Exit codes:
  0  stopped in order
  1  failed to start or to stop, or a second signal
  3  stopped, but the shutdown exceeded its time limit

Examples:
  tideway serve application.ts --reload
  tideway serve application.js --host 0.0.0.0 --workers auto --access-log -
  tideway serve application.js --port 443 --tls-key key.pem --tls-cert chain.pem
  tideway serve application.js --unix-socket /run/chat.sock --proxy-headers \\
    --trusted-proxies unix
`

/** Serves the application of a file or a folder. The default is the current folder. */
export type RunServe = (file: string | undefined, options: ServeOptions, processes: ProcessOptions) => Promise<void>

/** The command `tideway serve`. */
export function serveProgram(run: RunServe): Command {
  const command = new Command('serve')
    .summary('serve an application over HTTP and WebSocket')
    .description('Serve the application that a file exports as its default, over HTTP and WebSocket.')
    .argument('[file]', fileArgument)
    .addHelpText('after', translatable(footer))
  return withServeFlags(command, run)
}

/** Adds the flags of `tideway serve` and their layout to a command. @param run called with the parsed flags */
export function withServeFlags(command: Command, run: RunServe): Command {
  for (const [heading, flags] of Object.entries(serveFlags)) {
    for (const one of flags) command.addOption(optionOf(one).helpGroup(heading))
  }
  const under = (heading: string, ...options: Option[]): void => {
    for (const option of options) command.addOption(option.helpGroup(heading))
  }
  under(
    Object.keys(serveFlags)[0]!,
    new Option('--unix-socket-mode <mode>', 'permissions of the Unix sockets, such as 660').argParser(mode),
  )
  under(
    'Processes:',
    new Option('-w, --workers <number>', 'number of processes; auto for one per processor')
      .argParser(workerCount)
      .default(1)
      .env('WEB_CONCURRENCY'),
    new Option('--reload', 'for development: restart when a source file changes'),
  )
  under(
    'Stopping:',
    new Option(
      '--exit-timeout <seconds>',
      `longest time after the drain: tasks, shutdown, layers; then exit code 3 (default: ${DEFAULT_EXIT_TIMEOUT_MS / 1000})`,
    ).argParser(seconds),
  )
  under(
    'Logs:',
    new Option('-v, --verbosity <level>', '0 warnings, 1 also events, 2 also debug lines, 3 also details')
      .choices(['0', '1', '2', '3'])
      .default('1'),
    new Option('--access-log <file>', 'one line per request and WebSocket; - for standard output'),
    new Option('--access-log-format <format>', 'format of these lines').choices(['common', 'json']).default('common'),
  )
  command.configureHelp(helpLayout)
  return command.action(async (file: string | undefined, given: Readonly<Record<string, unknown>> & OwnFlags) => {
    const processes = { ...processesOf(command, given), reopenLogs: async () => log?.reopen() }
    // The primary process has no connections, so it writes no access log.
    const isWriting = workerRole() !== undefined || (processes.workers === 1 && !processes.reload)
    const log = isWriting ? await openLog(given) : undefined
    const options = serveOptionsOf(command, given)
    await run(file, log === undefined ? options : { ...options, accessLog: log.write }, processes)
  })
}

async function openLog({ accessLog, accessLogFormat }: OwnFlags): Promise<AccessLogFile | undefined> {
  return accessLog === undefined ? undefined : AccessLogFile.open(accessLog, accessLogFormat)
}

function processesOf(
  command: Command,
  { workers, exitTimeout = DEFAULT_EXIT_TIMEOUT_MS, reload = false }: OwnFlags,
): Omit<ProcessOptions, 'reopenLogs'> {
  const isFromEnvironment = command.getOptionValueSource('workers') === 'env'
  const workersFrom = isFromEnvironment ? 'WEB_CONCURRENCY' : '--workers'
  if (reload && workers > 1 && !isFromEnvironment) {
    throw new TidewayError('ERR_BAD_OPTION', '--reload is for development with one process: leave out --workers.')
  }
  // WEB_CONCURRENCY is a setting for production, so --reload ignores it.
  return { workers: reload ? 1 : workers, workersFrom, exitTimeoutMs: exitTimeout, reload }
}

function serveOptionsOf(command: Command, given: Readonly<Record<string, unknown>> & OwnFlags): ServeOptions {
  const options: Record<string, unknown> = {}
  const listen: ListenTarget[] = []
  for (const one of Object.values(serveFlags).flat()) {
    const name = optionOf(one).attributeName()
    // commander stores a --no-… flag as its opposite, which is true by default.
    const isGiven = command.getOptionValueSource(name) === 'cli'
    if (!isGiven) continue
    if (one.option === 'listen') listen.push(...(given[name] as ListenTarget[]))
    else options[one.option] = one.flags.includes('<') ? given[name] : (one.value ?? true)
  }
  if (options['trustedProxies'] !== undefined && options['proxyHeaders'] === undefined) {
    throw new TidewayError(
      'ERR_BAD_OPTION',
      '--trusted-proxies has no effect without --proxy-headers: give both or neither.',
    )
  }
  const { unixSocketMode, verbosity } = given
  const isBound = listen.length > 0 || options['port'] !== undefined || options['host'] !== undefined
  if (!isBound) listen.push(...inheritedSockets())
  // PORT and HOST have no effect if a flag names an address.
  if (listen.length === 0) {
    if (command.getOptionValueSource('port') === 'env') options['port'] = given['port']
    // Some shells and conda set HOST to a name that is not an address.
    if (command.getOptionValueSource('host') === 'env' && isIP(String(given['host'])) !== 0)
      options['host'] = given['host']
  }
  return {
    ...(options as ServeOptions),
    ...(listen.length > 0 && { listen: listen.map((target) => withMode(target, unixSocketMode)) }),
    logger: consoleLogger(Number(verbosity) as Verbosity),
  }
}

/** The sockets of systemd. They belong to the primary, whose id is in the environment of its workers. */
function inheritedSockets(): readonly ListenTarget[] {
  return systemdSockets(process.env, workerRole()?.primaryPid)
}

function withMode(target: ListenTarget, unixMode: number | undefined): ListenTarget {
  return 'path' in target && unixMode !== undefined ? { ...target, mode: unixMode } : target
}
