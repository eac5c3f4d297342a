// A process whose clock is wrong by some hours. It publishes, sets a value and is present, and prints what it got.
import { RedisPubSubChannelLayer } from '@tideway/redis'

const [url, hours, key] = process.argv.slice(2)
const now = Date.now
Date.now = () => now() + Number(hours) * 3_600_000

const layer = new RedisPubSubChannelLayer({ hosts: [url!], ...JSON.parse(key!) })
// Receives, so that the process does not end.
layer.attach(layer.newChannel(), { deliver: () => 'delivered' })
const { keptGroups } = layer
const { duplicate } = await keptGroups.publish('room', '"once"', {}, { id: 'once' })
await keptGroups.publish('room', `"${hours}"`)
await keptGroups.set('values', hours!, `"${hours}"`, { ttlMs: 600_000 })
await keptGroups.presence!.enter('room', { key: hours!, meta: null })
const { entries } = await keptGroups.history('room')
process.stdout.write(`read ${JSON.stringify([duplicate, entries.map(({ body }) => JSON.parse(body))])}\n`)
