import { describe, it } from 'vitest'
import { describeChannelLayer } from 'tideway/layer/contract'
import { Hub, HubChannelLayer } from './hub-channel-layer.ts'

describeChannelLayer('a layer of many processes', (options) => new HubChannelLayer(new Hub(options), options), {
  runner: { describe, it },
  makePeer: (layer, options) => new HubChannelLayer(layer.hub, options),
})
