import { resolve } from 'node:path'
import { Command, Option } from 'commander'
import { createApplication, templates, type Template } from './create-application.ts'

/** The command `tideway init`. */
export function initProgram(): Command {
  return new Command('init')
    .description('Write a small application, with tests, into a new folder.')
    .argument('<folder>', 'a folder that is not there yet, or is empty; its name is that of the application')
    .addOption(new Option('-t, --template <name>', 'web framework of the pages').choices(templates).default('express'))
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

/** A path as a shell takes it for one word. */
function quoted(path: string): string {
  return /^[\w./\\:@+-]+$/.test(path) ? path : `"${path.replaceAll(/["$`]/g, '\\$&')}"`
}
