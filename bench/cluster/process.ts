// A process with a layer: see Peer in peer.ts.
import { createInterface } from 'node:readline'

import { RedisPubSubChannelLayer } from '@tideway/redis'
import { ClusterChannelLayer } from 'tideway/layer/cluster'

const [engine, address = '', members] = process.argv.slice(2)
const layer =
  engine === 'cluster'
    ? new ClusterChannelLayer({ directory: address })
    : new RedisPubSubChannelLayer({ hosts: [address] })
await layer.ready()
let delivered = 0
let wanted = Infinity

function count(): void {
  if (++delivered === wanted) process.stdout.write('delivered\n')
}

for (let member = 0; member < Number(members); member++) {
  const channel = layer.newChannel()
  layer.attach(channel, {
    deliver() {
      count()
      return 'delivered'
    },
  })
  await layer.groupAdd('plain', channel)
  const follower = { onEntry: count, onVolatile: () => {}, onReset: () => {} }
  const { cursor } = await layer.keptGroups.follow('kept', follower)
  cursor.start()
}
createInterface({ input: process.stdin }).on('line', (line) => {
  wanted = Number(line)
  if (delivered >= wanted) process.stdout.write('delivered\n')
})
process.stdout.write('ready\n')
