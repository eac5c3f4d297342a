import { TidewayError } from '../../errors/tideway-error.ts'
import type { LoadedApplication } from '../load-application.ts'
import type { WorkerRole } from './worker-role.ts'

/**
 * Holds several processes to layers that join them: with one in memory, each process would have groups of its own.
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
    `${workersFrom} asks for ${workers} workers, but the channel layer "${local[0]}" ends at its process: ` +
      'members of one group in two workers would not hear each other. Use a Redis layer of @tideway/redis, or one worker; ' +
      'an application that needs no groups says so with "groups: false" in defineApplication.',
  )
}
