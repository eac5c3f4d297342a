import { stat } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { extname, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Application } from '../asgi/application.ts'
import { TidewayError } from '../errors/tideway-error.ts'

/**
 * Loads the application that a file exports as its default. A `.ts` file needs Node's own type stripping (22.18 and
 * later) or the `tsx` package beside it.
 * @throws TidewayError `ERR_NOT_A_FILE` with what is wrong with the file; what the file itself throws is passed on
 */
export async function loadApplication(file: string): Promise<Application> {
  const path = resolve(file)
  const isFile = await stat(path).then(
    (found) => found.isFile(),
    () => false,
  )
  if (!isFile) throw new TidewayError('ERR_NOT_A_FILE', `There is no file ${path}.`)
  if (/^\.[cm]?ts$/.test(extname(path))) await enableTypeScript(path)
  const module = (await import(pathToFileURL(path).href)) as { readonly default?: unknown }
  if (typeof module.default === 'function') return module.default as Application
  throw new TidewayError(
    'ERR_NOT_A_FILE',
    `${path} has no application as its default export: write "export default defineApplication({ … })".`,
  )
}

async function enableTypeScript(path: string): Promise<void> {
  if (isTypeScriptEnabled()) return
  try {
    // The tsx of the application, and not one that happens to be beside this file. What is found from there is the
    // CommonJS form of its API, which cannot register; the other lies beside it.
    const entry = createRequire(path)
      .resolve('tsx/esm/api')
      .replace(/\.cjs$/, '.mjs')
    const { register } = (await import(pathToFileURL(entry).href)) as { register(): unknown }
    register()
  } catch (cause) {
    throw new TidewayError(
      'ERR_NOT_A_FILE',
      `${path} is TypeScript, which this Node (${process.version}) does not run: "npm install --save-dev tsx", or build it first.`,
      { cause },
    )
  }
}

/** Whether Node strips types itself, or a loader such as tsx is registered already. */
function isTypeScriptEnabled(): boolean {
  const { typescript } = process.features as { readonly typescript?: false | string }
  return Boolean(typescript) || process.execArgv.some((argument) => argument.includes('tsx'))
}
