import { extname, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { DefinedApplication } from '../application/define-application.ts'
import type { Application } from '../asgi/application.ts'
import { TidewayError } from '../errors/tideway-error.ts'
import { areTasks } from '../worker/define-tasks.ts'
import { enableTypeScript } from '../worker/enable-type-script.ts'
import { describeWrongExport } from './wrong-export.ts'

/** The exports of an application file that the command line uses. */
export interface LoadedApplication {
  readonly application: Application
  /** The layers of `defineApplication`; none without it. */
  readonly channelLayers: DefinedApplication['channelLayers']
  readonly groups: boolean
  /** The export `tasks`, if the file has one. */
  readonly tasks: object | undefined
}

/**
 * Loads the application that a file exports as its default. A `.ts` file needs Node's own type stripping (22.18 and
 * later) or the `tsx` package beside it.
 * @throws TidewayError `ERR_NOT_A_FILE` if the file is TypeScript that does not run, or exports no application. Errors of the
 *   file itself are thrown unchanged.
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
