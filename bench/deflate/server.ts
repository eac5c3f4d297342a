// The chat of the seed, with permessage-deflate: `node --import tsx server.ts PORT ours|ws [echo]`.
import {
  defineApplication,
  InMemoryChannelLayer,
  originValidator,
  path,
  serve,
  urlRouter,
  WebSocketConsumer,
  type TextOrBytes,
} from 'tideway'
import { WebSocketServer, type WebSocket } from 'ws'

const [port = '8000', which = 'ours', mode = 'fanout'] = process.argv.slice(2)
const takeover = process.env['TAKEOVER'] === '1'

class ChatConsumer extends WebSocketConsumer {
  override async connect() {
    await this.channelLayer.groupAdd('chat', this.channelName)
    await this.accept()
  }
  override async receive({ text }: TextOrBytes) {
    const { message } = JSON.parse(text!)
    if (mode === 'echo') await this.send({ text: JSON.stringify({ message, user: 'anonymous' }) })
    else await this.channelLayer.groupSend('chat', { type: 'chat.message', message })
  }
  onChatMessage(event: { message: string }) {
    return this.send({ text: JSON.stringify({ message: event.message, user: 'anonymous' }) })
  }
}

if (which === 'ours' || which === 'plain') {
  const application = defineApplication({
    channelLayers: { default: new InMemoryChannelLayer() },
    websocket: originValidator(urlRouter([path('', ChatConsumer.asApplication())]), ['*']),
  })
  const compression = which === 'ours' && {
    serverNoContextTakeover: !takeover,
    clientNoContextTakeover: !takeover,
    thresholdBytes: 512,
  }
  await serve(application, { port: Number(port), compression })
} else {
  const perMessageDeflate = { serverNoContextTakeover: !takeover, clientNoContextTakeover: !takeover, threshold: 512 }
  const server = new WebSocketServer({ port: Number(port), perMessageDeflate })
  const clients = new Set<WebSocket>()
  server.on('connection', (client) => {
    clients.add(client)
    client.on('close', () => clients.delete(client))
    client.on('message', (data: Buffer) => {
      const { message } = JSON.parse(data.toString())
      const out = JSON.stringify({ message, user: 'anonymous' })
      if (mode === 'echo') client.send(out)
      else for (const one of clients) one.send(out)
    })
  })
}
