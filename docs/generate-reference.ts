// Writes the reference of all packages' exports, from the code, to docs/reference/api/. Fails on an export without a doc comment.
//   npm run reference --workspace docs

import { readFile, rm, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { Application, TSConfigReader, TypeDocReader } from 'typedoc'

const folder = fileURLToPath(new URL('.', import.meta.url))
const api = `${folder}reference/api/`
process.chdir(folder)
await rm(api, { recursive: true, force: true })

const typedoc = await Application.bootstrapWithPlugins({ options: 'typedoc.json' }, [
  new TypeDocReader(),
  new TSConfigReader(),
])
const project = await typedoc.convert()
if (project !== undefined) {
  typedoc.validate(project)
  if (!typedoc.logger.hasErrors() && !typedoc.logger.hasWarnings()) await typedoc.generateOutputs(project)
}
if (typedoc.logger.hasErrors() || typedoc.logger.hasWarnings()) process.exit(1)

/** Names of `tideway` that belong to one of its parts are listed by part, one link each, in place of a heading each. */
function listReferences(page: string): string {
  const [head, references] = page.split('\n## References\n')
  if (references === undefined) return page
  const byPage = new Map<string, string[]>()
  for (const [, name, target] of references.matchAll(/^Re-exports \[([^\]]+)\]\(([^)]+)\)$/gm)) {
    const part = target!.split('#')[0]!
    byPage.set(part, [...(byPage.get(part) ?? []), `[\`${name}\`](${target})`])
  }
  const rows = [...byPage].map(([part, links]) => `| [${part.replace(/\.md$/, '')}](${part}) | ${links.join(', ')} |`)
  return `${head}\n## Documented with their parts\n\n| | |\n|---|---|\n${rows.join('\n')}\n`
}

for (const page of ['tideway.md', 'tideway/layer.md', 'tideway/layer/kit.md']) {
  await writeFile(api + page, listReferences(await readFile(api + page, 'utf8')))
}
