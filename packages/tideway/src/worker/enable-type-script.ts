import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import { isMainThread } from 'node:worker_threads'

/**
 * Makes this thread able to load a TypeScript file: with Node 22.18 or later, or with the `tsx` that is installed beside the
 * file. Rejects if there is neither.
 * @param path the file
 */
export async function enableTypeScript(path: string): Promise<void> {
  const { typescript } = process.features as { readonly typescript?: false | string }
  // tsx registers itself in the main thread only, even if threads inherit the argument.
  const isStartedWithTsx = process.execArgv.some((argument) => argument.includes('tsx'))
  if (isStartedWithTsx ? isMainThread : Boolean(typescript)) return
  // Resolves the tsx of the application. `require` finds the CommonJS form of its API, which cannot register; the ES module is
  // beside it.
  const entry = createRequire(path)
    .resolve('tsx/esm/api')
    .replace(/\.cjs$/, '.mjs')
  const { register } = (await import(pathToFileURL(entry).href)) as { register(): unknown }
  register()
}
