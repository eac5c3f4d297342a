// The chat on Socket.IO: WebSockets only, no compression. The room is in the query; ?echo answers the sender only.
import { Server } from 'socket.io'

const io = new Server(Number(process.argv[2]), {
  transports: ['websocket'],
  perMessageDeflate: false,
  httpCompression: false,
  serveClient: false,
})

io.on('connection', (socket) => {
  const { room = 'lobby', echo } = socket.handshake.query
  void socket.join(room)
  socket.on('chat', ({ message }) => {
    const to = echo === undefined ? io.to(room) : socket
    to.emit('chat', { message, user: '' })
  })
})
