import { extname, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { DefinedApplication } from '../application/define-application.ts'
import type { Application } from '../asgi/application.ts'
import { TidewayError } from '../errors/tideway-error.ts'
import { areTasks } from '../worker/define-tasks.ts'
import { enableTypeScript } from '../worker/enable-type-script.ts'
import { describeWrongExport } from './wrong-export.ts'

/** What the command line needs of the file of an application. */
export interface LoadedApplication {
  readonly application: Application
  /** What `defineApplication` said; an application without it has no layers. */
  readonly channelLayers: DefinedApplication['channelLayers']
  readonly groups: boolean
  /** Its tasks, where the file exports some as `tasks`. */
  readonly tasks: object | undefined
}

/**
 * Loads the application that a file exports as its default. A `.ts` file needs Node's own type stripping (22.18 and
 * later) or the `tsx` package beside it.
 * @throws TidewayError `ERR_NOT_A_FILE` if the file is TypeScript that does not run, or exports no application. What the
 *   file itself throws is thrown as it is.
 */
export async function loadApplication(file: string): Promise<LoadedApplication> {
  const path = resolve(file)
  if (/^\.[cm]?ts$/.test(extname(path))) await enableTypeScriptOf(path)
  const module = (await import(pathToFileURL(path).href)) as { readonly default?: unknown; readonly tasks?: unknown }
  const wrong = describeWrongExport(module.default)
  if (wrong !== undefined) throw new TidewayError('ERR_NOT_A_FILE', `${path} exports no application. ${wrong}`)
  if (typeof module.default !== 'function') {
    throw new TidewayError(
      'ERR_NOT_A_FILE',
      `${path} has no application as its default export: write "export default defineApplication({ … })".`,
    )
  }
  const application = module.default as Application & Partial<DefinedApplication>
  const { channelLayers = {}, groups = true } = application
  return { application, channelLayers, groups, tasks: areTasks(module.tasks) ? module.tasks : undefined }
}

async function enableTypeScriptOf(path: string): Promise<void> {
  await enableTypeScript(path).catch((cause: unknown) => {
    throw new TidewayError(
      'ERR_NOT_A_FILE',
      `${path} is TypeScript, which this Node (${process.version}) does not run: "npm install --save-dev tsx", or build it first.`,
      { cause },
    )
  })
}
