import { allowedHostsOriginValidator, defineApplication, fetchHandler, InMemoryChannelLayer } from 'tideway'
import { path, urlRouter, WebSocketConsumer, type TextOrBytes } from 'tideway'

const html = `<!doctype html><title>Room</title><input autofocus><ol></ol><script>
  const socket = new WebSocket(location.origin.replace('http', 'ws') + '/ws/')
  const [input, list] = [document.querySelector('input'), document.querySelector('ol')]
  socket.onmessage = ({ data }) => list.append(Object.assign(document.createElement('li'), { textContent: data }))
  input.onchange = () => { socket.send(input.value); input.value = '' }
</script>`

class RoomConsumer extends WebSocketConsumer<object, object> {
  override readonly groups = ['room']

  override receive({ text }: TextOrBytes) {
    return this.channelLayer.groupSend('room', { type: 'chat.message', text: text ?? '' })
  }

  static onChatMessage({ text }: { text: string }) {
    return { text }
  }
}

export default defineApplication({
  channelLayers: { default: new InMemoryChannelLayer() },
  http: fetchHandler(() => new Response(html, { headers: { 'Content-Type': 'text/html; charset=utf-8' } })),
  websocket: allowedHostsOriginValidator(urlRouter([path('ws/', RoomConsumer.asApplication())])),
})
