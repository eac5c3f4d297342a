import { TidewayError } from '../../errors/tideway-error.ts'
import type { ChannelLayer } from '../../layer/channel-layer.ts'
import { clusterLayerDefaults } from '../../layer/cluster/cluster-channel-layer.ts'
import { ClusterEngine } from '../../layer/cluster/cluster-engine.ts'
import { Rendezvous } from '../../layer/cluster/rendezvous.ts'
import { InMemoryChannelLayer } from '../../layer/in-memory-channel-layer.ts'
import type { LoadedApplication } from '../load-application.ts'
import type { WatchedLayer } from '../watch-channel-layers.ts'
import type { WorkerRole } from './worker-role.ts'

/**
 * Connects the layers in memory of several workers through the hub in their primary process, so that they share their groups.
 * Resolves with what reports the connections of the layers.
 * @throws TidewayError `ERR_LOCAL_CHANNEL_LAYER` for another layer that works in one process only: each process would have separate groups
 */
export async function shareGroups(
  { channelLayers, groups }: LoadedApplication,
  role: WorkerRole,
): Promise<Readonly<Record<string, WatchedLayer>>> {
  if (role.workers === 1 || !groups) return channelLayers
  const watched: Record<string, WatchedLayer> = { ...channelLayers }
  for (const [alias, layer] of Object.entries(channelLayers)) {
    if (layer.isLocal === true) watched[alias] = await share(alias, layer, role)
  }
  return watched
}

async function share(
  alias: string,
  layer: ChannelLayer,
  { workers, workersFrom, hub }: WorkerRole,
): Promise<WatchedLayer> {
  if (!(layer instanceof InMemoryChannelLayer) || 'failure' in hub) {
    const why = 'failure' in hub ? `: the workers have no hub (${hub.failure})` : ''
    throw new TidewayError(
      'ERR_LOCAL_CHANNEL_LAYER',
      `${workersFrom} is ${workers}, but the channel layer "${alias}" works in one process only${why}. ` +
        'A group in one worker would not include its members in another. Use an InMemoryChannelLayer of this tideway, a Redis layer ' +
        'of @tideway/redis, or one worker; an application without groups sets "groups: false" in defineApplication.',
    )
  }
  const { directory } = hub
  // The primary process is the only hub: the workers end after it.
  const rendezvous = new Rendezvous(directory, { canHost: false })
  const { callTimeoutMs, maxQueuedBytes } = clusterLayerDefaults
  const engine = layer.useEngine(
    (side) =>
      new ClusterEngine(side, {
        layer: alias,
        callTimeoutMs,
        maxQueuedBytes,
        connect: () => rendezvous.connect(),
        close: async () => {},
      }),
  )
  await engine.ready()
  return engine
}
