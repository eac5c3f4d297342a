// A process whose connections are in a group, for a test to stop. It closes its layer at SIGTERM, as a server does.
import { RedisChannelLayer, RedisPubSubChannelLayer } from '@tideway/redis'

const [kind, url, presence, ...keys] = process.argv.slice(2)
const Layer = kind === 'RedisChannelLayer' ? RedisChannelLayer : RedisPubSubChannelLayer
const layer = new Layer({ hosts: [url!], keptGroups: { presence: JSON.parse(presence!) } })
process.once('SIGTERM', () => void layer.close().then(() => process.exit(0)))
// Receives, so that the process does not end.
layer.attach(layer.newChannel(), { deliver: () => 'delivered' })
await Promise.all(keys.map((key) => layer.keptGroups.presence!.enter('room', { key, meta: { name: key } })))
process.stdout.write('entered\n')
