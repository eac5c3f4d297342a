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
      console.log(`${name} is in ${folder}: ${files.length} files.

  cd ${folder}
  npm install
  npm test
  npm run dev`)
    })
}
