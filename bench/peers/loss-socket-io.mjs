// Rooms of Socket.IO for the bench of loss: WebSockets only, otherwise its defaults. RECOVERY=1 is connection state recovery,
// REDIS_URL the adapter of Redis streams. The harness sends its orders as messages: see bench/loss/servers/publisher.ts.
import { createServer } from 'node:http'
import { createAdapter } from '@socket.io/redis-streams-adapter'
import { Redis } from 'ioredis'
import { Server } from 'socket.io'

const { RECOVERY, REDIS_URL } = process.env
const http = createServer()
const io = new Server(http, {
  transports: ['websocket'],
  serveClient: false,
  ...(RECOVERY === '1' ? { connectionStateRecovery: {} } : {}),
  ...(REDIS_URL === undefined ? {} : { adapter: createAdapter(new Redis(REDIS_URL)) }),
})

io.on('connection', (socket) => {
  if (!socket.recovered) void socket.join(socket.handshake.query.rooms.split(','))
  socket.emit('joined')
})

/** How long the sessions of closed connections have to reach Redis. */
const SAVE_MS = 500
process.once('SIGTERM', () => void io.close().then(() => setTimeout(() => process.exit(0), SAVE_MS)))

process.on('message', (order) => {
  if (order.do === 'usage') {
    const { user, system } = process.cpuUsage()
    process.send({ id: order.id, cpuMicroseconds: user + system })
  } else {
    io.to(order.message.room).emit('said', order.message)
    process.send({ id: order.id, published: order.message.n })
  }
})
process.once('disconnect', () => process.exit(0))
http.listen(0, '127.0.0.1', () => process.send({ id: 0, port: http.address().port }))
