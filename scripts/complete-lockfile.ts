// Adds to package-lock.json what npm leaves out of it: see lockfile.ts. Run it after a change of the dependencies.
//   node --import tsx scripts/complete-lockfile.ts

import { readFile, writeFile } from 'node:fs/promises'

import { missingPackages, type Lockfile } from './lockfile.ts'

const path = new URL('../package-lock.json', import.meta.url)
const lockfile = JSON.parse(await readFile(path, 'utf8')) as Lockfile
const missing = missingPackages(lockfile)
const packages = Object.entries({ ...lockfile.packages, ...missing })
lockfile.packages = Object.fromEntries(packages.toSorted(([a], [b]) => a.localeCompare(b, 'en')))
await writeFile(path, `${JSON.stringify(lockfile, null, 2)}\n`)
for (const [folder, { version }] of Object.entries(missing)) console.log(`${folder} ${version}`)
