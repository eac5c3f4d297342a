// The chat on crossws, over the ws that it brings along. A room is a topic that is published to.
import { createServer } from 'node:http'
import crossws from 'crossws/adapters/node'

function answerTo(message) {
  return JSON.stringify({ message: message.json().message, user: '' })
}

const adapter = crossws({
  serverOptions: { perMessageDeflate: false },
  hooks: {
    open(peer) {
      const { pathname } = new URL(peer.request.url)
      if (pathname.startsWith('/ws/chat/')) peer.subscribe(pathname)
      peer.context.pathname = pathname
    },
    message(peer, message) {
      const { pathname } = peer.context
      if (pathname === '/ws/echo/') peer.send(message.uint8Array())
      else if (pathname === '/ws/json-echo/') peer.send(answerTo(message))
      else adapter.publish(pathname, answerTo(message))
    },
  },
})

createServer((_request, response) => response.writeHead(426).end())
  .on('upgrade', (request, socket, head) => void adapter.handleUpgrade(request, socket, head))
  .listen(Number(process.argv[2]), '127.0.0.1')
