import { RedisPubSubChannelLayer } from '@tideway/redis'
import { InMemoryChannelLayer } from 'tideway'

const { REDIS_URL } = process.env

export const channelLayer = REDIS_URL ? new RedisPubSubChannelLayer({ hosts: [REDIS_URL] }) : new InMemoryChannelLayer()
