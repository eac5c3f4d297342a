import { describe, it } from 'vitest'
import { InMemoryChannelLayer } from 'tideway/layer'
import { describeChannelLayer } from 'tideway/layer/contract'

describeChannelLayer('InMemoryChannelLayer', (options) => new InMemoryChannelLayer(options), {
  runner: { describe, it },
})
