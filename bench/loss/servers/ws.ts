import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { Redis } from 'ioredis'
import { WebSocketServer, type WebSocket } from 'ws'
import type { Message } from '../rooms.ts'
import { obey } from './publisher.ts'

// Rooms by hand on ws: a message is serialized once and sent to the members. REDIS_URL: through PUBLISH of Redis.

const CHANNEL = 'bench'
const server = new WebSocketServer({ port: 0, host: '127.0.0.1', clientTracking: true })
await once(server, 'listening')
const rooms = new Map<string, Set<WebSocket>>()

server.on('connection', (socket, { url = '/' }) => {
  const names = new URLSearchParams(url.slice(url.indexOf('?') + 1)).get('rooms')!.split(',')
  for (const name of names) rooms.set(name, (rooms.get(name) ?? new Set()).add(socket))
  socket.on('error', () => {})
  socket.on('close', () => {
    for (const name of names) rooms.get(name)!.delete(socket)
  })
  socket.send('{"joined":true}')
})

function deliver(message: Message, text: string): void {
  for (const member of rooms.get(message.room) ?? []) if (member.readyState === member.OPEN) member.send(text)
}

const url = process.env['REDIS_URL']
const client = url === undefined ? undefined : new Redis(url)
if (url !== undefined) {
  const subscriber = new Redis(url)
  subscriber.on('message', (_channel, text) => deliver(JSON.parse(text) as Message, text))
  await subscriber.subscribe(CHANNEL)
}

process.once('SIGTERM', () => {
  for (const socket of server.clients) socket.close(1001)
  server.close(() => process.exit(0))
})
obey((server.address() as AddressInfo).port, (message) => {
  const text = JSON.stringify(message)
  return client === undefined ? deliver(message, text) : client.publish(CHANNEL, text)
})
