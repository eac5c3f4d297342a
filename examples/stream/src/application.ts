import { RedisPubSubChannelLayer } from '@tideway/redis'
import {
  allowedHostsOriginValidator,
  defineApplication,
  InMemoryChannelLayer,
  lifespanHooks,
  nodeListener,
  path,
  urlRouter,
  type ChannelLayer,
} from 'tideway'

import { AnswerConsumer } from './answers.ts'
import { endRuns } from './task.ts'
import { web } from './web.ts'

const { REDIS_URL } = process.env

export const channelLayer: ChannelLayer =
  REDIS_URL === undefined ? new InMemoryChannelLayer() : new RedisPubSubChannelLayer({ hosts: [REDIS_URL] })

export default defineApplication({
  channelLayers: { default: channelLayer },
  http: nodeListener(web()),
  websocket: allowedHostsOriginValidator(urlRouter([path('ws/answers/', AnswerConsumer.asApplication())])),
  lifespan: lifespanHooks({ shutdown: endRuns }),
})
