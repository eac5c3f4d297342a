import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import { isMainThread } from 'node:worker_threads'

/**
 * Makes this thread able to load a TypeScript file: as Node itself does from 22.18 on, or through the `tsx` that is
 * installed where the file is. Rejects where neither is there.
 * @param path the file
 */
export async function enableTypeScript(path: string): Promise<void> {
  const { typescript } = process.features as { readonly typescript?: false | string }
  // tsx registers itself in the main thread only, also where the arguments that threads inherit name it.
  const isStartedWithTsx = process.execArgv.some((argument) => argument.includes('tsx'))
  if (isStartedWithTsx ? isMainThread : Boolean(typescript)) return
  // The tsx of the application, and not one that happens to be beside this file. What is found from there is the
  // CommonJS form of its API, which cannot register; the other lies beside it.
  const entry = createRequire(path)
    .resolve('tsx/esm/api')
    .replace(/\.cjs$/, '.mjs')
  const { register } = (await import(pathToFileURL(entry).href)) as { register(): unknown }
  register()
}
