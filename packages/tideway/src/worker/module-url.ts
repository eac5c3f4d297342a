import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { TidewayError } from '../errors/tideway-error.ts'

/** Never there at run time: carries the type of the module that a URL leads to. */
declare const moduleType: unique symbol

/** The address of a module, which may know the module's type: see {@link moduleUrl}. A plain URL is one too. */
export type ModuleUrl<Module extends object> = URL & { readonly [moduleType]?: Module }

/** The names of the functions that a module exports. */
export type FunctionName<Module extends object> = {
  [Name in keyof Module]: Module[Name] extends (...args: never) => unknown ? Name : never
}[keyof Module] &
  string

/**
 * The address of a module beside the one that asks, with its type, so that the compiler knows its functions.
 * @param specifier relative, as in an `import`; where a build leaves only one of `db.js` and `db.ts`, that one is found
 * @param from `import.meta.url`
 * @example moduleUrl<typeof import('./db.js')>('./db.js', import.meta.url)
 */
export function moduleUrl<Module extends object>(specifier: string, from: string | URL): ModuleUrl<Module> {
  return new URL(specifier, from)
}

/** What a file is called before and after the build. */
const otherExtensions: Readonly<Record<string, string>> = {
  '.js': '.ts',
  '.mjs': '.mts',
  '.cjs': '.cts',
  '.ts': '.js',
  '.mts': '.mjs',
  '.cts': '.cjs',
}

/**
 * The address of the file that is there: the one that is named, or the same before or after the build.
 * @throws TidewayError `ERR_NO_SUCH_MODULE`
 */
export function existingModule(url: URL): string {
  if (url.protocol !== 'file:') {
    throw new TidewayError(
      'ERR_NO_SUCH_MODULE',
      `A thread loads modules from files, not from ${url.href}: write new URL('./db.js', import.meta.url).`,
    )
  }
  if (existsSync(url)) return url.href
  const extension = /\.[cm]?[jt]s$/.exec(url.pathname)?.[0] ?? ''
  const other = otherExtensions[extension]
  const otherUrl = new URL(url)
  if (other !== undefined) otherUrl.pathname = url.pathname.slice(0, -extension.length) + other
  if (other !== undefined && existsSync(otherUrl)) return otherUrl.href
  const alsoMissing = other === undefined ? '' : `, nor one that ends in ${other}`
  throw new TidewayError(
    'ERR_NO_SUCH_MODULE',
    `There is no file ${fileURLToPath(url)}${alsoMissing}: the path is relative to the file that names it.`,
  )
}
