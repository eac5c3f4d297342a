import { Command, InvalidArgumentError, Option } from 'commander'
import type { ServeOptions } from '../../server/options.ts'
import { applicationFile, fileArgument } from '../application-file.ts'
import { translatable } from '../help/translate-help.ts'
import { withServeFlags } from '../serve-program.ts'
import { applicationFindings } from './application-checks.ts'
import { machineFindings } from './machine-checks.ts'
import { optionFindings } from './option-checks.ts'
import { countOf, jsonReport, textReport } from './report.ts'
import { urlFindings } from './url-checks.ts'

/** The flags of `tideway doctor` in addition to those of `tideway serve`. */
interface DoctorFlags {
  readonly url?: URL
  readonly json?: true
}

const footer = `
Use the flags of "tideway serve": they are checked, without serving.

Exit codes: 0 no problem, perhaps warnings; 1 a problem, or wrong flags.

Examples:
  tideway doctor application.js --workers 4 --proxy-headers
  tideway doctor application.js --proxy-headers --url wss://chat.example.com/ws/rooms/lobby/ --json
`

/** The command `tideway doctor`. */
export function doctorProgram(): Command {
  const command = new Command('doctor')
    .summary('check a deployment for problems')
    .description('Check a deployment for problems: the application, its machine, its options and its URL.')
    .argument('[file]', fileArgument)
    .addOption(
      new Option('--url <url>', 'URL of a WebSocket for pages, tested through all proxies').argParser(parseUrl),
    )
    .option('--json', 'the findings as JSON')
    .addHelpText('after', translatable(footer))
  return withServeFlags(command, async (file, options, { workers }) => {
    const { url, json } = command.opts<DoctorFlags>()
    await examine(await applicationFile(file), options, workers, url, json === true)
  })
}

async function examine(
  file: string,
  options: ServeOptions,
  workers: number,
  url: URL | undefined,
  asJson: boolean,
): Promise<void> {
  const findings = [
    ...(await machineFindings(file, options)),
    ...(await applicationFindings(file, workers)),
    ...optionFindings(options, url),
    ...(url === undefined ? [] : await urlFindings(url)),
  ]
  console.log(asJson ? jsonReport(findings) : textReport(findings))
  // Connections that the application opened at load, such as to a database, would keep the process alive.
  process.exit(countOf('problem', findings) > 0 ? 1 : 0)
}

function parseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url !== undefined && /^(ws|http)s?:$/.test(url.protocol)) return url
  throw new InvalidArgumentError('Must be a whole URL, such as wss://chat.example.com/ws/rooms/lobby/.')
}
