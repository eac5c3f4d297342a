import { randomUUID } from 'node:crypto'
import { describe, it } from 'vitest'
import { describeChannelLayer } from 'tideway/layer/contract'
import { BroadcastChannelLayer } from './broadcast-channel-layer.ts'

describeChannelLayer('BroadcastChannelLayer', (options) => new BroadcastChannelLayer(randomUUID(), options), {
  runner: { describe, it },
  makePeer: (layer, options) => new BroadcastChannelLayer(layer.name, options),
  skip: [
    {
      reason: 'a BroadcastChannel sends to all threads and cannot give a job to one',
      tests: [
        'sends to a general channel, before and after another process receives from it',
        'gives each message of a general channel to exactly one receiver of all processes',
        'keeps the order of one sender on the way to a general channel',
        'counts the capacity of a general channel for all processes together',
        'loses no message of a general channel to an aborted receive() of another process',
        'delivers every kind of value through a general channel as it was sent, and frozen',
      ],
    },
  ],
})
