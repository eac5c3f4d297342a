// The chat on uWebSockets.js: a room is a topic that is published to, an echo is `send`.
import uWS from '@trufflesuite/uws-js-unofficial'

const decoder = new TextDecoder()
const port = Number(process.argv[2])

function answerTo(data) {
  const { message } = JSON.parse(decoder.decode(data))
  return JSON.stringify({ message, user: '' })
}

const limits = {
  compression: uWS.DISABLED,
  maxPayloadLength: 1 << 20,
  maxBackpressure: 16 << 20,
  idleTimeout: 120,
}

const app = uWS
  .App()
  .ws('/ws/chat/:room/', {
    ...limits,
    upgrade(response, request, context) {
      const room = request.getParameter(0)
      const key = request.getHeader('sec-websocket-key')
      const protocol = request.getHeader('sec-websocket-protocol')
      const extensions = request.getHeader('sec-websocket-extensions')
      response.upgrade({ room }, key, protocol, extensions, context)
    },
    open(socket) {
      socket.subscribe(socket.room)
    },
    message(socket, data) {
      app.publish(socket.room, answerTo(data))
    },
  })
  .ws('/ws/json-echo/', {
    ...limits,
    message(socket, data) {
      socket.send(answerTo(data))
    },
  })
  .ws('/ws/echo/', {
    ...limits,
    message(socket, data, isBinary) {
      socket.send(data, isBinary)
    },
  })
  .listen('127.0.0.1', port, (token) => {
    if (!token) process.exit(1)
  })
