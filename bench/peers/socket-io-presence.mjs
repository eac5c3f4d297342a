// A room on Socket.IO with one process and its default adapter. Its parent tells it what to do: see bench/kept/joins.ts.
import { setTimeout as delay } from 'node:timers/promises'

import { Server } from 'socket.io'

const io = new Server(0, {
  transports: ['websocket'],
  perMessageDeflate: false,
  httpCompression: false,
  serveClient: false,
})

io.on('connection', (socket) => {
  socket.data.name = `Name of ${socket.id}`
  void socket.join('lobby')
})

async function run({ do: what, count = 0, overMs = 0 }) {
  for (let change = 0; change < count; change++) {
    const person = { key: `person ${change}`, name: `Name of ${change}` }
    if (what === 'broadcast') io.to('lobby').emit(change % 2 ? 'left' : 'joined', person)
    if (what === 'fetchSockets') (await io.in('lobby').fetchSockets()).map(({ id, data }) => [id, data.name])
    await delay(overMs / count)
  }
  const { user, system } = process.cpuUsage()
  process.send({ cpuMicroseconds: user + system })
}

process.on('message', (order) => void run(order))
process.send({ port: io.httpServer.address().port })
