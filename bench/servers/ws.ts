import { WebSocket, WebSocketServer } from 'ws'

// The same chat on plain ws: parse, build the answer once, send to every member. `/echo` answers its sender only.
// Run it with the port as its argument.

const server = new WebSocketServer({ port: Number(process.argv[2]), perMessageDeflate: false, clientTracking: true })

server.on('connection', (socket, request) => {
  const isEcho = request.url === '/echo'
  socket.on('message', (data: Buffer) => {
    const { message } = JSON.parse(data.toString()) as { message: string }
    const answer = JSON.stringify({ message, user: '' })
    if (isEcho) {
      socket.send(answer)
      return
    }
    for (const member of server.clients) if (member.readyState === WebSocket.OPEN) member.send(answer)
  })
})
