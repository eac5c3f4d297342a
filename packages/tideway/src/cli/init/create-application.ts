import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { TidewayError } from '../../errors/tideway-error.ts'
import { choiceValues, wordsOf, type Choices } from './choices.ts'
import { chooseLines } from './choose-lines.ts'

/** A created application. */
export interface CreatedApplication {
  /** A valid name of an npm package. */
  readonly name: string
  /** Paths in the folder, sorted. */
  readonly files: readonly string[]
}

const packageFolder = fileURLToPath(new URL('../../..', import.meta.url))

/** Files that an empty folder may contain. */
const negligible: ReadonlySet<string> = new Set(['.git', '.DS_Store'])

/** The name of `.gitignore` in the package, because npm does not publish a file of that name. */
const IGNORED_FILES = 'gitignore'

/** The folders of files that every application has, or that one of its words names. A file of `members` replaces one of `live`. */
const partNames = ['project', 'chat', 'live', 'members', 'accounts', 'page', 'typed', 'react'] as const

/**
 * Writes the files of a new application into a folder, and nothing else: nothing is downloaded.
 * @throws TidewayError `ERR_NOT_EMPTY` if the folder is not empty, `ERR_BAD_OPTION` if its name is not valid for a package
 */
export async function createApplication(folder: string, choices: Choices): Promise<CreatedApplication> {
  const target = resolve(folder)
  const name = packageNameOf(basename(target))
  await requireEmpty(target)
  const { version } = JSON.parse(await readFile(join(packageFolder, 'package.json'), 'utf8')) as {
    readonly version: string
  }
  const words = wordsOf(choices)
  const files = new Set<string>()
  for (const part of [choices.framework, ...partNames.filter((part) => part === 'project' || words.has(part))]) {
    const source = join(packageFolder, 'templates', part)
    for (const file of await filesIn(source)) {
      const written = file === IGNORED_FILES ? '.gitignore' : file
      const text = chooseLines(await readFile(join(source, file), 'utf8'), words)
      await mkdir(dirname(join(target, written)), { recursive: true })
      await writeFile(join(target, written), text.replaceAll('{{name}}', name).replaceAll('{{version}}', `^${version}`))
      files.add(written)
    }
  }
  return { name, files: [...files].sort() }
}

async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
}

async function requireEmpty(folder: string): Promise<void> {
  let found: string[]
  try {
    found = await readdir(folder)
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === 'ENOENT') return
    if (code !== 'ENOTDIR') throw cause
    throw new TidewayError('ERR_NOT_EMPTY', `${folder} is a file: name a folder that does not exist yet.`, { cause })
  }
  const first = found.find((name) => !negligible.has(name))
  if (first === undefined) return
  throw new TidewayError('ERR_NOT_EMPTY', `${folder} is not empty (${first}): name a folder that does not exist yet.`)
}

/** Packages that an application depends on: npm does not install a package into a package of the same name. */
const dependencies: ReadonlySet<string> = new Set(['tideway', 'react', 'jose', 'valibot', ...choiceValues.framework])

/** Makes a valid package name from that of a folder: `My App` becomes `my-app`. */
function packageNameOf(folderName: string): string {
  const name = folderName
    .toLowerCase()
    .replaceAll(/[^a-z0-9._-]+/g, '-')
    .replace(/^[._-]+/, '')
    .replace(/-+$/, '')
    .slice(0, 200)
  if (name === '') {
    throw new TidewayError(
      'ERR_BAD_OPTION',
      `The folder name ${JSON.stringify(folderName)} makes no package name: use Latin letters or digits.`,
    )
  }
  return dependencies.has(name) ? `${name}-app` : name
}
