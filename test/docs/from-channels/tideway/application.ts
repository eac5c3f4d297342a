import { RedisChannelLayer } from '@tideway/redis'
import express from 'express'
import { allowedHostsOriginValidator, authMiddlewareStack, defineApplication, nodeListener, urlRouter } from 'tideway'
import { websocketRoutes } from './chat/routing.ts'

export default defineApplication({
  channelLayers: { default: new RedisChannelLayer({ hosts: [['127.0.0.1', 6379]] }) },
  http: nodeListener(express()),
  websocket: allowedHostsOriginValidator(authMiddlewareStack(urlRouter(websocketRoutes)), {
    allowedHosts: ['localhost', '127.0.0.1'],
  }),
})
