import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import { asyncApiProgram } from './asyncapi/asyncapi-program.ts'
import { doctorProgram } from './doctor/doctor-program.ts'
import { groupsProgram } from './groups/groups-program.ts'
import { publishProgram } from './groups/publish-program.ts'
import { tapProgram } from './groups/tap-program.ts'
import { whoProgram } from './groups/who-program.ts'
import { helpLayout } from './help/help-layout.ts'
import { korean } from './help/korean.ts'
import { helpLanguage } from './help/language.ts'
import { translateHelp } from './help/translate-help.ts'
import { initProgram } from './init/init-program.ts'
import { serveCommand } from './serve-command.ts'
import { serveProgram } from './serve-program.ts'
import { workerProgram } from './worker-program.ts'

const packageFile = new URL('../../package.json', import.meta.url)
const { version } = JSON.parse(readFileSync(packageFile, 'utf8')) as { readonly version: string }

/** The command line `tideway`, with its help in the language of the environment. */
export function tidewayProgram(environment: NodeJS.ProcessEnv): Command {
  const program = new Command('tideway')
    .description('Serve real-time applications.')
    .version(version)
    .configureHelp(helpLayout)
  const commands = [
    initProgram(),
    serveProgram(serveCommand),
    doctorProgram(),
    asyncApiProgram(),
    publishProgram(),
    tapProgram(),
    whoProgram(),
    groupsProgram(),
    workerProgram(),
  ]
  for (const command of commands) program.addCommand(command)
  if (helpLanguage(environment) === 'ko') translateHelp(program, korean)
  return program
}
