import { resolve } from 'node:path'
import { Command, Option } from 'commander'
import { createApplication, templates, type Template } from './create-application.ts'

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
    .action(async (folder: string, { template }: { readonly template: Template }) => {
      const { name, files } = await createApplication(folder, template)
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

/** Quotes a path for a shell if needed. */
function quoted(path: string): string {
  return /^[\w./\\:@+-]+$/.test(path) ? path : `"${path.replaceAll(/["$`]/g, '\\$&')}"`
}
