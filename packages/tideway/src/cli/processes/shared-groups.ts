import { TidewayError } from '../../errors/tideway-error.ts'
import type { LoadedApplication } from '../load-application.ts'
import type { WorkerRole } from './worker-role.ts'

/**
 * Refuses a layer in memory for several processes: each process would have separate groups.
 * @throws TidewayError `ERR_LOCAL_CHANNEL_LAYER`
 */
export function requireSharedGroups(
  { channelLayers, groups }: LoadedApplication,
  { workers, workersFrom }: WorkerRole,
): void {
  if (workers === 1 || !groups) return
  const local = Object.entries(channelLayers).find(([, layer]) => layer.isLocal === true)
  if (local === undefined) return
  throw new TidewayError(
    'ERR_LOCAL_CHANNEL_LAYER',
    `${workersFrom} is ${workers}, but the channel layer "${local[0]}" works in one process only: ` +
      'a group in one worker would not include its members in another. Use a Redis layer of @tideway/redis, or one worker; ' +
      'an application without groups sets "groups: false" in defineApplication.',
  )
}
