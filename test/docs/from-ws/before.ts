import { createServer } from 'node:http'
import { WebSocket, WebSocketServer } from 'ws'

const rooms = new Map<string, Set<WebSocket>>()
const alive = new WeakSet<WebSocket>()
const sockets = new WebSocketServer({ noServer: true, maxPayload: 1024 * 1024 })
const server = createServer((_request, response) => response.writeHead(404).end())

server.on('upgrade', (request, socket, head) => {
  socket.on('error', () => socket.destroy())
  const room = /^\/ws\/chat\/(\w+)\/$/.exec(request.url ?? '')?.[1]
  if (room === undefined) socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n')
  else if (!isOurs(request.headers.origin)) socket.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n')
  else sockets.handleUpgrade(request, socket, head, (client) => enter(client, room))
})

function enter(client: WebSocket, room: string): void {
  const members = rooms.get(room) ?? new Set()
  rooms.set(room, members.add(client))
  alive.add(client)
  client.on('pong', () => alive.add(client))
  client.on('message', (data) => {
    try {
      const { message } = JSON.parse((data as Buffer).toString())
      for (const member of members) {
        if (member.readyState === WebSocket.OPEN) member.send(JSON.stringify({ message }))
      }
    } catch {
      client.close(1007)
    }
  })
  client.on('close', () => {
    members.delete(client)
    if (members.size === 0) rooms.delete(room)
  })
  client.on('error', console.error)
}

// Finds connections that were lost without a close.
setInterval(() => {
  for (const client of sockets.clients) {
    if (!alive.delete(client)) client.terminate()
    else client.ping()
  }
}, 20_000)

process.once('SIGTERM', () => {
  server.close(() => process.exit())
  for (const client of sockets.clients) client.close(1012)
})

function isOurs(origin: string | undefined): boolean {
  return origin !== undefined && URL.canParse(origin) && new URL(origin).hostname === 'localhost'
}

server.listen(Number(process.env.PORT), () => console.log('Listening on', server.address()))
