import { readFile, stat } from 'node:fs/promises'
import { join, relative, resolve } from 'node:path'
import { TidewayError } from '../errors/tideway-error.ts'

/** The files of a folder that may be its application, in this order. */
export const APPLICATION_FILES: readonly string[] = Object.freeze([
  'application.ts',
  'application.js',
  'src/application.ts',
  'src/application.js',
  'dist/application.js',
])

/** The help text of the argument. */
export const fileArgument: string =
  'application.js; application.ts with tsx or type stripping; or its folder (default: .)'

/**
 * The path of the file that a command line names. For a folder it is the file that `"tideway"` names in its package.json,
 * else the first of {@link APPLICATION_FILES} that exists.
 * @param given a file or a folder; the current folder if it is left out
 * @throws TidewayError `ERR_NOT_A_FILE`
 */
export async function applicationFile(given = '.'): Promise<string> {
  const path = resolve(given)
  const kind = await kindOf(path)
  if (kind === 'file') return given
  if (kind === undefined) throw new TidewayError('ERR_NOT_A_FILE', `There is no file ${path}.`)
  const named = await namedInPackage(path)
  for (const name of named === undefined ? APPLICATION_FILES : [named]) {
    const file = join(path, name)
    if ((await kindOf(file)) === 'file') return relative('', file)
  }
  if (named !== undefined) {
    throw new TidewayError(
      'ERR_NOT_A_FILE',
      `"tideway" in ${join(path, 'package.json')} names ${named}, which is not a file.`,
    )
  }
  throw new TidewayError(
    'ERR_NOT_A_FILE',
    `${path} has no ${APPLICATION_FILES.join(', ')}: name the file of the application, or name it as "tideway" in package.json.`,
  )
}

async function kindOf(path: string): Promise<'file' | 'folder' | undefined> {
  try {
    return (await stat(path)).isDirectory() ? 'folder' : 'file'
  } catch {
    return undefined
  }
}

async function namedInPackage(folder: string): Promise<string | undefined> {
  const text = await readFile(join(folder, 'package.json'), 'utf8').catch(() => '{}')
  try {
    const { tideway } = JSON.parse(text) as { readonly tideway?: unknown }
    return typeof tideway === 'string' ? tideway : undefined
  } catch (cause) {
    throw new TidewayError('ERR_NOT_A_FILE', `${join(folder, 'package.json')} is not JSON.`, { cause })
  }
}
