import { isIP } from 'node:net'
import { Command, Option } from 'commander'
import { TidewayError } from '../errors/tideway-error.ts'
import { systemdSockets } from '../server/listen/systemd-sockets.ts'
import type { ListenTarget } from '../server/listen/listen-target.ts'
import type { ServeOptions } from '../server/options.ts'
import { fileArgument } from './application-file.ts'
import { AccessLogFile, type AccessLogFormat } from './access-log-file.ts'
import { consoleLogger, type Verbosity } from './console-logger.ts'
import { helpLayout } from './help-layout.ts'
import { mode, seconds, workerCount } from './parse.ts'
import { workerRole } from './processes/worker-role.ts'
import type { ProcessOptions } from './processes/process-options.ts'
import { optionOf, serveFlags } from './serve-flags.ts'

/** What the flags that stand for no single option leave. */
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
Sizes may be written as 64k or 1M; "off" switches off what can be switched off.

Signals:
  SIGTERM, SIGINT  stop it in order; a second one: at once
  SIGHUP           reads the certificate again, and opens the access log again;
                   with several workers it replaces them one by one, with the
                   code of now

Exit codes:
  0  stopped in order
  1  could not start, something failed while stopping, or a second signal
  3  stopped, but not all was over in time

Examples:
  tideway serve application.ts --reload
  tideway serve application.js --host 0.0.0.0 --workers auto --access-log -
  tideway serve application.js --port 443 --tls-key key.pem --tls-cert chain.pem
  tideway serve application.js --unix-socket /run/chat.sock --proxy-headers \\
    --trusted-proxies unix
`

/** Serves the application of a file or a folder; of the current folder if none is given. */
export type RunServe = (file: string | undefined, options: ServeOptions, processes: ProcessOptions) => Promise<void>

/** The command `tideway serve`. */
export function serveProgram(run: RunServe): Command {
  const command = new Command('serve')
    .summary('serve an application over HTTP and WebSocket')
    .description('Serve the application that a file exports as its default, over HTTP and WebSocket.')
    .argument('[file]', fileArgument)
    .configureHelp(helpLayout)
    .addHelpText('after', footer)
  return withServeFlags(command, run)
}

/** Gives a command of one file the flags of `tideway serve`. @param run what is done with them */
export function withServeFlags(command: Command, run: RunServe): Command {
  for (const [heading, flags] of Object.entries(serveFlags)) {
    for (const one of flags) command.addOption(optionOf(one).helpGroup(heading))
  }
  const under = (heading: string, ...options: Option[]): void => {
    for (const option of options) command.addOption(option.helpGroup(heading))
  }
  under(
    Object.keys(serveFlags)[0]!,
    new Option('--unix-socket-mode <mode>', 'permissions of the Unix sockets, as 660').argParser(mode),
  )
  under(
    'Processes:',
    new Option('-w, --workers <number>', 'processes that serve; auto for one a processor')
      .argParser(workerCount)
      .default(1)
      .env('WEB_CONCURRENCY'),
    new Option('--reload', 'for development: start it again whenever a source file changes'),
  )
  under(
    'Stopping:',
    new Option('--exit-timeout <seconds>', 'then, for tasks, shutdown and layers; exit code 3 (default: 30)').argParser(
      seconds,
    ),
  )
  under(
    'Logs:',
    new Option('-v, --verbosity <level>', '0 warnings, 1 and what happens, 2 and what is normal, 3 in detail')
      .choices(['0', '1', '2', '3'])
      .default('1'),
    new Option('--access-log <file>', 'a line for each request and WebSocket; - for standard output'),
    new Option('--access-log-format <format>', 'of these lines').choices(['common', 'json']).default('common'),
  )
  return command.action(async (file: string | undefined, given: Readonly<Record<string, unknown>> & OwnFlags) => {
    const processes = { ...processesOf(command, given), reopenLogs: async () => log?.reopen() }
    // The primary of several has no connections to write of.
    const isWriting = workerRole() !== undefined || (processes.workers === 1 && !processes.reload)
    const log = isWriting ? await openLog(given) : undefined
    const options = serveOptionsOf(command, given)
    await run(file, log === undefined ? options : { ...options, accessLog: log.write }, processes)
  })
}

async function openLog({ accessLog, accessLogFormat }: OwnFlags): Promise<AccessLogFile | undefined> {
  return accessLog === undefined ? undefined : AccessLogFile.open(accessLog, accessLogFormat)
}

/** How long everything after the drain may take at the end, in milliseconds. */
export const DEFAULT_EXIT_TIMEOUT_MS = 30_000

function processesOf(
  command: Command,
  { workers, exitTimeout = DEFAULT_EXIT_TIMEOUT_MS, reload = false }: OwnFlags,
): Omit<ProcessOptions, 'reopenLogs'> {
  const isFromEnvironment = command.getOptionValueSource('workers') === 'env'
  const workersFrom = isFromEnvironment ? 'WEB_CONCURRENCY' : '--workers'
  if (reload && workers > 1 && !isFromEnvironment) {
    throw new TidewayError('ERR_BAD_OPTION', '--reload is for development, by one process: leave out --workers.')
  }
  // What a machine has for production is not meant for whoever develops on it.
  return { workers: reload ? 1 : workers, workersFrom, exitTimeoutMs: exitTimeout, reload }
}

function serveOptionsOf(command: Command, given: Readonly<Record<string, unknown>> & OwnFlags): ServeOptions {
  const options: Record<string, unknown> = {}
  const listen: ListenTarget[] = []
  for (const one of Object.values(serveFlags).flat()) {
    const name = optionOf(one).attributeName()
    // commander knows a --no-… as its opposite, which is there by default.
    const isGiven = command.getOptionValueSource(name) === 'cli'
    if (!isGiven) continue
    if (one.option === 'listen') listen.push(...(given[name] as ListenTarget[]))
    else options[one.option] = one.flags.includes('<') ? given[name] : (one.value ?? true)
  }
  if (options['trustedProxies'] !== undefined && options['proxyHeaders'] === undefined) {
    throw new TidewayError(
      'ERR_BAD_OPTION',
      '--trusted-proxies has no effect without --proxy-headers: give both, or none.',
    )
  }
  const { unixSocketMode, verbosity } = given
  const isBound = listen.length > 0 || options['port'] !== undefined || options['host'] !== undefined
  if (!isBound) listen.push(...inheritedSockets())
  // A platform's PORT and HOST are for a server whose command line names no place to listen.
  if (listen.length === 0) {
    if (command.getOptionValueSource('port') === 'env') options['port'] = given['port']
    // Some shells and conda set HOST to a name that nothing can listen on.
    if (command.getOptionValueSource('host') === 'env' && isIP(String(given['host'])) !== 0)
      options['host'] = given['host']
  }
  return {
    ...(options as ServeOptions),
    ...(listen.length > 0 && { listen: listen.map((target) => withMode(target, unixSocketMode)) }),
    logger: consoleLogger(Number(verbosity) as Verbosity),
  }
}

/** The primary has the sockets of systemd, and is named by the environment that its workers inherit. */
function inheritedSockets(): readonly ListenTarget[] {
  return systemdSockets(process.env, workerRole()?.primaryPid)
}

function withMode(target: ListenTarget, unixMode: number | undefined): ListenTarget {
  return 'path' in target && unixMode !== undefined ? { ...target, mode: unixMode } : target
}
