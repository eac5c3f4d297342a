import { resolve } from 'node:path'
import { Command, Option } from 'commander'
import { createApplication, templates, type Choices, type Template } from './create-application.ts'
import { askForChoices } from './questions.ts'

interface InitOptions {
  readonly template: Template
  readonly redis?: boolean
  readonly yes?: boolean
}

/** The command `tideway init`. */
export function initProgram(): Command {
  return new Command('init')
    .summary('create a small application')
    .description('Write a small application, with tests, into a new folder.')
    .argument('<folder>', 'a new or empty folder; its name becomes that of the application')
    .addOption(
      new Option('-t, --template <name>', 'a chat with this web framework, or one that loses no message')
        .choices(templates)
        .default('express'),
    )
    .option('--redis', 'use the Redis of the variable REDIS_URL, for several processes')
    .option('-y, --yes', 'ask no questions; without a terminal, none are asked')
    .action(async (folder: string, options: InitOptions, command: Command) => {
      const hasTemplate = command.getOptionValueSource('template') !== 'default'
      const choices = await choicesOf(options, hasTemplate)
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
async function choicesOf({ template, redis, yes }: InitOptions, hasTemplate: boolean): Promise<Choices | undefined> {
  if (yes === true || !process.stdin.isTTY || !process.stdout.isTTY) return { template, redis: redis === true }
  const made = { ...(hasTemplate && { template }), ...(redis !== undefined && { redis }) }
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
