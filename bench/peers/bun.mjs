// The chat on Bun: a room is a topic that is published to. Run by Bun, not by Node.
function answerTo(text) {
  const { message } = JSON.parse(text)
  return JSON.stringify({ message, user: '' })
}

const server = Bun.serve({
  port: Number(process.argv[2]),
  hostname: '127.0.0.1',
  fetch(request, server) {
    const { pathname } = new URL(request.url)
    return server.upgrade(request, { data: { pathname } }) ? undefined : new Response('', { status: 426 })
  },
  websocket: {
    perMessageDeflate: false,
    backpressureLimit: 16 << 20,
    open(socket) {
      if (socket.data.pathname.startsWith('/ws/chat/')) socket.subscribe(socket.data.pathname)
    },
    message(socket, data) {
      const { pathname } = socket.data
      if (pathname === '/ws/echo/') socket.send(data)
      else if (pathname === '/ws/json-echo/') socket.send(answerTo(data))
      else server.publish(pathname, answerTo(data))
    },
  },
})
