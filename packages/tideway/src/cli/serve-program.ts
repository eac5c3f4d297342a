import { Command, Option } from 'commander'
import { systemdSockets } from '../server/listen/systemd-sockets.ts'
import type { ListenTarget } from '../server/listen/listen-target.ts'
import type { ServeOptions } from '../server/options.ts'
import { accessLogTo, type AccessLogFormat } from './access-log-file.ts'
import { consoleLogger, type Verbosity } from './console-logger.ts'
import { mode } from './parse.ts'
import { optionOf, serveFlags } from './serve-flags.ts'

/** What the flags that stand for no single option leave. */
interface OwnFlags {
  readonly unixSocketMode?: number
  readonly verbosity: string
  readonly accessLog?: string
  readonly accessLogFormat: AccessLogFormat
}

const footer = `
Sizes may be written as 64k or 1M; "off" switches off what can be switched off.

Exit codes: 0 stopped by SIGTERM or SIGINT, everything closed in order; 1 could not start, a fault while stopping, or a
second signal.

Examples:
  tideway serve application.js
  tideway serve application.js --host 0.0.0.0 --port 80 --access-log -
  tideway serve application.js --host 0.0.0.0 --port 443 --tls-key key.pem --tls-cert chain.pem
  tideway serve application.js --unix-socket /run/chat.sock --proxy-headers --trusted-proxies unix
`

/** The command `tideway serve`. @param run what serves the application of the file */
export function serveProgram(run: (file: string, options: ServeOptions) => Promise<void>): Command {
  const command = new Command('serve')
    .summary('serve an application over HTTP and WebSocket')
    .description('Serve the application that a file exports as its default, over HTTP and WebSocket.')
    .argument('<file>', 'application.js, or application.ts where tsx or type stripping is there')
    .addHelpText('after', footer)
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
    'Logs:',
    new Option('-v, --verbosity <level>', '0 warnings, 1 and what happens, 2 and what is normal, 3 in detail')
      .choices(['0', '1', '2', '3'])
      .default('1'),
    new Option('--access-log <file>', 'a line for each request and WebSocket; - for standard output'),
    new Option('--access-log-format <format>', 'of these lines').choices(['common', 'json']).default('common'),
  )
  return command.action(async (file: string, given: Readonly<Record<string, unknown>> & OwnFlags) => {
    await run(file, await serveOptionsOf(command, given))
  })
}

async function serveOptionsOf(
  command: Command,
  given: Readonly<Record<string, unknown>> & OwnFlags,
): Promise<ServeOptions> {
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
  const { unixSocketMode, verbosity, accessLog, accessLogFormat } = given
  const isBound = listen.length > 0 || options['port'] !== undefined || options['host'] !== undefined
  if (!isBound) listen.push(...systemdSockets())
  // A platform's PORT is for a server that is told nothing else, or the host only.
  if (command.getOptionValueSource('port') === 'env' && listen.length === 0) options['port'] = given['port']
  return {
    ...(options as ServeOptions),
    ...(listen.length > 0 && { listen: listen.map((target) => withMode(target, unixSocketMode)) }),
    ...(accessLog !== undefined && { accessLog: await accessLogTo(accessLog, accessLogFormat) }),
    logger: consoleLogger(Number(verbosity) as Verbosity),
  }
}

function withMode(target: ListenTarget, unixMode: number | undefined): ListenTarget {
  return 'path' in target && unixMode !== undefined ? { ...target, mode: unixMode } : target
}
