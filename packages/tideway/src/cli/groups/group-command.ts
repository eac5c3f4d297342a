import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Command } from 'commander'
import { keptGroupsOf } from '../../consumer/kept-groups-of.ts'
import { TidewayError } from '../../errors/tideway-error.ts'
import type { ChannelLayer } from '../../layer/channel-layer.ts'
import type { KeptGroups } from '../../layer/log/kept-groups.ts'
import { liveEndpoints, type Family } from '../asyncapi/live-endpoints.ts'
import { applicationFile, fileArgument } from '../application-file.ts'
import { loadApplication } from '../load-application.ts'
import { printFailure } from '../load-failure.ts'

/** The flags of all commands that use the groups of a running application. */
export interface GroupFlags {
  readonly file?: string
  readonly layer: string
  readonly json?: true
}

/** The channel layer of a running application, for a command. */
export interface GroupAccess {
  readonly layer: ChannelLayer
  readonly keptGroups: KeptGroups
  /** The declarations of its live consumers, by name; none without an application. */
  readonly families: ReadonlyMap<string, Family>
}

/** Makes a command with the flags of {@link GroupFlags}. */
export function groupCommand(name: string): Command {
  return new Command(name)
    .option('-f, --file <file>', fileArgument)
    .option('-l, --layer <alias>', 'alias of the channel layer', 'default')
    .option('--json', 'print JSON')
}

/** The last part of the help of these commands. */
export const groupFooter = `
The channel layer is that of the application. Without an application, it is
that of the variables REDIS_URL and CHANNEL_LAYER, as for
channelLayerFromEnvironment() of @tideway/redis: then the declarations of the
groups are unknown.

Exit codes: 0 done; 1 it failed, or the flags are wrong.
`

/** Runs a command with the layer of the application, and ends the process. */
export async function withGroups(flags: GroupFlags, run: (access: GroupAccess) => Promise<void>): Promise<never> {
  let code = 0
  const layers: ChannelLayer[] = []
  try {
    const { channelLayers, families } = await layersOf(flags)
    layers.push(...Object.values(channelLayers))
    const layer = crossingLayer(channelLayers, flags.layer)
    const keptGroups = keptGroupsOf(layer)
    await layer.ready?.()
    await run({ layer, keptGroups, families })
  } catch (error) {
    printFailure(error)
    code = 1
  }
  await Promise.allSettled(layers.map((layer) => layer.close()))
  // Connections that the application opened at load, such as to a database, would keep the process alive.
  process.exit(code)
}

type Layers = Readonly<Record<string, ChannelLayer>>

async function layersOf({
  file,
  layer,
}: GroupFlags): Promise<{ channelLayers: Layers } & Pick<GroupAccess, 'families'>> {
  let path: string
  try {
    path = await applicationFile(file)
  } catch (error) {
    if (file !== undefined || !(error instanceof TidewayError)) throw error
    if ((process.env['REDIS_URL'] ?? '') === '') {
      throw new TidewayError('ERR_NOT_A_FILE', `${error.message} Or set REDIS_URL.`, { cause: error })
    }
    return { channelLayers: { [layer]: await layerOfEnvironment() }, families: new Map() }
  }
  const { application, channelLayers } = await loadApplication(path)
  const families = liveEndpoints(application).flatMap(({ groups }) => groups.map((each) => [each.name, each] as const))
  return { channelLayers, families: new Map(families) }
}

/** The package of the folder where the command runs, as its application would import it. */
async function layerOfEnvironment(): Promise<ChannelLayer> {
  let path: string
  try {
    path = createRequire(join(resolve(), 'package.json')).resolve('@tideway/redis')
  } catch (cause) {
    throw new TidewayError('ERR_MISSING_PACKAGE', 'REDIS_URL needs the package @tideway/redis: npm install it.', {
      cause,
    })
  }
  const redis = (await import(pathToFileURL(path).href)) as { channelLayerFromEnvironment(): ChannelLayer }
  return redis.channelLayerFromEnvironment()
}

function crossingLayer(channelLayers: Layers, alias: string): ChannelLayer {
  const layer = channelLayers[alias]
  if (layer === undefined) {
    const known = Object.keys(channelLayers).join(', ') || 'none'
    throw new TidewayError(
      'ERR_NO_CHANNEL_LAYER',
      `The application has no channel layer "${alias}"; it has ${known}. Name another one with --layer.`,
    )
  }
  if (layer.isLocal !== true) return layer
  throw new TidewayError(
    'ERR_LOCAL_CHANNEL_LAYER',
    `The channel layer "${alias}" works in one process only, and this command is another process: it cannot see the groups of the server. Use a Redis layer of @tideway/redis in the application, or on one machine a ClusterChannelLayer.`,
  )
}
