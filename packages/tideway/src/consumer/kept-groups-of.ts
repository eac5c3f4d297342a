import { TidewayError } from '../errors/tideway-error.ts'
import type { ChannelLayer } from '../layer/channel-layer.ts'
import type { KeptGroups } from '../layer/log/kept-groups.ts'

/** Returns the kept groups of the layer. @throws TidewayError `ERR_NO_KEPT_GROUPS` if it has none */
export function keptGroupsOf(layer: ChannelLayer): KeptGroups {
  if (layer.keptGroups !== undefined) return layer.keptGroups
  throw new TidewayError(
    'ERR_NO_KEPT_GROUPS',
    `A ${layer.constructor.name} has no kept groups: use a layer that has them, such as InMemoryChannelLayer, or groupAdd() and groupSend(), which keep no message.`,
  )
}
