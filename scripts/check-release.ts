// Checks that the versions and the changelog match a tag.
//   node --import tsx scripts/check-release.ts v1.2.3

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { packageFolders, root } from './packed-packages.ts'
import { releaseProblems, type ReleasedManifest } from './release-problems.ts'

const [tag = ''] = process.argv.slice(2)
const texts = packageFolders.map((folder) => readFile(join(root, folder, 'package.json'), 'utf8'))
const manifests = (await Promise.all(texts)).map((text) => JSON.parse(text) as ReleasedManifest)
const changelog = await readFile(join(root, 'CHANGELOG.md'), 'utf8')
const problems = releaseProblems({ tag, manifests, changelog })
for (const problem of problems) console.error(problem)
if (problems.length > 0) process.exitCode = 1
else console.log(`${tag} can be released.`)
