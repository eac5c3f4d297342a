// One receiving process of tideway: see Receiver.
import { createInterface } from 'node:readline'

import { RedisChannelLayer, RedisPubSubChannelLayer } from '@tideway/redis'

const [kind, url, members] = process.argv.slice(2)
const Layer = kind === 'pubsub' ? RedisPubSubChannelLayer : RedisChannelLayer
const layer = new Layer({ hosts: [url!] })
let delivered = 0
let wanted = Infinity

function answer(): void {
  const { user, system } = process.cpuUsage()
  process.stdout.write(`${JSON.stringify({ delivered, cpuMs: (user + system) / 1000 })}\n`)
}

let channel = ''
for (let member = 0; member < Number(members); member++) {
  channel = layer.newChannel()
  layer.attach(channel, {
    deliver() {
      if (++delivered === wanted) answer()
      return 'delivered'
    },
  })
  await layer.groupAdd('bench', channel)
}
createInterface({ input: process.stdin }).on('line', (line) => {
  wanted = line === 'report' ? Infinity : Number(line)
  if (line === 'report' || delivered >= wanted) answer()
})
process.stdout.write(`${channel}\n`)
