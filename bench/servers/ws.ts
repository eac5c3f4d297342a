import { WebSocketServer, type WebSocket } from 'ws'

// The chat on plain ws: parse, build the answer once, send it to every member of the room. `/ws/json-echo/` answers its sender
// only, `/ws/echo/` gives back what came. Run it with the port as its argument; DEFLATE=1 switches compression on.

const perMessageDeflate = process.env['DEFLATE'] === '1' && {
  serverNoContextTakeover: true,
  clientNoContextTakeover: true,
  threshold: 512,
}
const server = new WebSocketServer({
  port: Number(process.argv[2]),
  host: '127.0.0.1',
  perMessageDeflate,
  clientTracking: false,
})
const rooms = new Map<string, Set<WebSocket>>()

function parse(data: Buffer): string {
  const { message } = JSON.parse(data.toString()) as { message: string }
  return JSON.stringify({ message, user: '' })
}

server.on('connection', (socket, { url = '/' }) => {
  if (url === '/ws/echo/') {
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }))
    return
  }
  if (url === '/ws/json-echo/') {
    socket.on('message', (data: Buffer) => socket.send(parse(data)))
    return
  }
  const members = rooms.get(url) ?? new Set()
  rooms.set(url, members.add(socket))
  socket.on('message', (data: Buffer) => {
    const answer = parse(data)
    for (const member of members) if (member.readyState === member.OPEN) member.send(answer)
  })
  socket.on('close', () => {
    members.delete(socket)
    if (members.size === 0) rooms.delete(url)
  })
})
