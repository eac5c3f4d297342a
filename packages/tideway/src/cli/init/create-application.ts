import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { TidewayError } from '../../errors/tideway-error.ts'

/** The folders of the files of each template. */
const partsOf = {
  express: ['common', 'chat', 'express'],
  hono: ['common', 'chat', 'hono'],
  live: ['common', 'live'],
} as const

/** A template of a new application: a chat with a web framework, or a live consumer with Express. */
export type Template = keyof typeof partsOf

/** Every {@link Template}. */
export const templates = Object.keys(partsOf) as readonly Template[]

/** The choices of a new application. */
export interface Choices {
  readonly template: Template
  readonly redis: boolean
}

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

/**
 * Writes the files of a new application into a folder, and nothing else: nothing is downloaded.
 * @throws TidewayError `ERR_NOT_EMPTY` if the folder is not empty, `ERR_BAD_OPTION` if its name is not valid for a package
 */
export async function createApplication(folder: string, { template, redis }: Choices): Promise<CreatedApplication> {
  const target = resolve(folder)
  const name = packageNameOf(basename(target))
  await requireEmpty(target)
  const { version } = JSON.parse(await readFile(join(packageFolder, 'package.json'), 'utf8')) as {
    readonly version: string
  }
  const filled = (text: string, file: string): string =>
    (redis ? withRedis(text, file) : text).replaceAll('{{name}}', name).replaceAll('{{version}}', `^${version}`)
  const files: string[] = []
  for (const part of partsOf[template]) {
    const source = join(packageFolder, 'templates', part)
    for (const file of await filesIn(source)) {
      const written = file === IGNORED_FILES ? '.gitignore' : file
      await mkdir(dirname(join(target, written)), { recursive: true })
      await writeFile(join(target, written), filled(await readFile(join(source, file), 'utf8'), file))
      files.push(written)
    }
  }
  return { name, files: files.sort() }
}

/** Replaces the channel layer in memory by that of the environment: on Redis if `REDIS_URL` is set. */
function withRedis(text: string, file: string): string {
  switch (file) {
    case 'package.json':
      return text.replace(/"@tideway\/client": .*/, '$&\n    "@tideway/redis": "{{version}}",')
    case join('src', 'application.ts'):
      return `import { channelLayerFromEnvironment } from '@tideway/redis'\n${text}`
        .replace('  InMemoryChannelLayer,\n', '')
        .replace('new InMemoryChannelLayer()', 'channelLayerFromEnvironment()')
    case 'README.md':
      return text.replace(
        /- \*\*More than one process\*\*[^]*?(?=\n- )/,
        '- **More than one process**: set `REDIS_URL`, such as `redis://localhost:6379`. Without it, the channel layer is in memory.',
      )
    default:
      return text
  }
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
  // npm does not install a package into a package of the same name.
  return ['tideway', ...templates].includes(name) ? `${name}-app` : name
}
