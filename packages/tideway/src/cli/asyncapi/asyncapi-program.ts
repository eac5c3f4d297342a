import { Command } from 'commander'
import { applicationFile, fileArgument } from '../application-file.ts'
import { translatable } from '../help/translate-help.ts'
import { loadApplication } from '../load-application.ts'
import { asyncApiDocument, type DocumentInfo } from './document.ts'
import { liveEndpoints } from './live-endpoints.ts'

const footer = `
Examples:
  tideway asyncapi application.js > asyncapi.json
  tideway asyncapi application.js --title Chat --api-version 2.1.0
`

interface AsyncApiFlags {
  readonly title: string
  readonly apiVersion: string
}

/** The command `tideway asyncapi`. */
export function asyncApiProgram(): Command {
  return new Command('asyncapi')
    .summary('print an AsyncAPI document of the live consumers')
    .description('Print an AsyncAPI 3.0 document of the live consumers of an application, as JSON.')
    .argument('[file]', fileArgument)
    .option('--title <text>', 'title of the document', 'Live consumers')
    .option('--api-version <text>', 'version of the documented API', '1.0.0')
    .addHelpText('after', translatable(footer))
    .action(async (file: string | undefined, { title, apiVersion }: AsyncApiFlags) =>
      print(await applicationFile(file), { title, version: apiVersion }),
    )
}

async function print(file: string, info: DocumentInfo): Promise<void> {
  const { application } = await loadApplication(file)
  const endpoints = liveEndpoints(application)
  if (endpoints.length === 0) {
    console.error(
      'The application has no live consumers, or has them behind middleware that does not use wrapApplication().',
    )
  }
  console.log(JSON.stringify(asyncApiDocument(info, endpoints), undefined, 2))
  // Connections that the application opened at load, such as to a database, would keep the process alive.
  process.exit(0)
}
