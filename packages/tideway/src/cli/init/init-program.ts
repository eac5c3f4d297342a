import { resolve } from 'node:path'
import { Command, Option } from 'commander'
import { choiceValues, defaultChoices, templates, type Choices, type Template } from './choices.ts'
import { createApplication } from './create-application.ts'
import { askForChoices } from './questions.ts'

interface InitOptions extends Partial<Choices> {
  readonly template?: Template
  readonly yes?: boolean
}

/** The command `tideway init`. */
export function initProgram(): Command {
  return new Command('init')
    .summary('create a small application')
    .description('Write a small application, with tests, into a new folder.')
    .argument('<folder>', 'a new or empty folder; its name becomes that of the application')
    .addOption(new Option('-f, --framework <name>', 'web framework for HTTP').choices(choiceValues.framework))
    .addOption(
      new Option('-c, --client <name>', 'page: vanilla needs no build; live and react lose no message').choices(
        choiceValues.client,
      ),
    )
    .option('--redis', 'use the Redis of the variable REDIS_URL, for several processes')
    .addOption(
      new Option('-a, --auth <name>', 'login of users: a session in a cookie, or a token').choices(choiceValues.auth),
    )
    .addOption(
      new Option('-t, --template <name>', 'short for a framework and a client').choices(Object.keys(templates)),
    )
    .option('-y, --yes', 'ask no questions; without a terminal, none are asked')
    .action(async (folder: string, options: InitOptions) => {
      const choices = await choicesOf(options)
      if (choices === undefined) {
        console.error('Nothing was written.')
        process.exitCode = 1
        return
      }
      const { name, files } = await createApplication(folder, choices)
      const place = name === folder ? '' : ` in ${folder}`
      const steps = [
        ...(resolve(folder) === process.cwd() ? [] : [`cd ${quoted(folder)}`]),
        'npm install',
        'npm test',
        'npm run dev',
      ]
      console.log(`Created ${name}${place} (${files.length} files).\n\n${steps.map((step) => `  ${step}`).join('\n')}`)
    })
}

/** The choices of the flags, and of the answers on a terminal; nothing if the input ends before the last answer. */
async function choicesOf({ template, yes, ...flags }: InitOptions): Promise<Choices | undefined> {
  const made = { ...(template !== undefined && templates[template]), ...flags }
  if (yes === true || !process.stdin.isTTY || !process.stdout.isTTY) return { ...defaultChoices, ...made }
  try {
    return await askForChoices(made, process.stdin, process.stdout)
  } catch (error) {
    if ((error as Error).name === 'AbortError') return undefined
    throw error
  }
}

/** Quotes a path for a shell if needed. */
function quoted(path: string): string {
  return /^[\w./\\:@+-]+$/.test(path) ? path : `"${path.replaceAll(/["$`]/g, '\\$&')}"`
}
