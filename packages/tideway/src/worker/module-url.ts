import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { TidewayError } from '../errors/tideway-error.ts'

/** Exists only at compile time: the type of the module at a URL. */
declare const moduleType: unique symbol

/** The URL of a module, with the type of the module if it comes from {@link moduleUrl}. A plain URL is valid too. */
export type ModuleUrl<Module extends object> = URL & { readonly [moduleType]?: Module }

/** The names of the functions that a module exports. */
export type FunctionName<Module extends object> = {
  [Name in keyof Module]: Module[Name] extends (...args: never) => unknown ? Name : never
}[keyof Module] &
  string

/**
 * The URL of a module relative to the calling module, with its type, so that the compiler checks its functions.
 * @param specifier relative, as in an `import`; if only one of `db.js` and `db.ts` exists, both names lead to it
 * @param from `import.meta.url`
 * @example moduleUrl<typeof import('./db.js')>('./db.js', import.meta.url)
 */
export function moduleUrl<Module extends object>(specifier: string, from: string | URL): ModuleUrl<Module> {
  return new URL(specifier, from)
}

/** The extension of a file before and after a build. */
const otherExtensions: Readonly<Record<string, string>> = {
  '.js': '.ts',
  '.mjs': '.mts',
  '.cjs': '.cts',
  '.ts': '.js',
  '.mts': '.mjs',
  '.cts': '.cjs',
}

/**
 * The URL of the existing file: the named one, or its twin before or after the build.
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
    `There is no file ${fileURLToPath(url)}${alsoMissing}: the path is relative to the file that contains it.`,
  )
}
