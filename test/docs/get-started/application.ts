import { allowedHostsOriginValidator, defineApplication, fetchHandler, InMemoryChannelLayer } from 'tideway'
import { path, urlRouter, WebSocketConsumer, type TextOrBytes } from 'tideway'

const html = `<!doctype html><title>Everybody</title><input autofocus><ol></ol><script>
  const socket = new WebSocket(location.origin.replace('http', 'ws') + '/ws/')
  const [input, list] = [document.querySelector('input'), document.querySelector('ol')]
  socket.onmessage = ({ data }) => list.append(Object.assign(document.createElement('li'), { textContent: data }))
  input.onchange = () => { socket.send(input.value); input.value = '' }
</script>`

class EverybodyConsumer extends WebSocketConsumer<object, object> {
  override readonly groups = ['everybody']

  override receive({ text }: TextOrBytes) {
    return this.channelLayer.groupSend('everybody', { type: 'said', text: text ?? '' })
  }

  static onSaid({ text }: { text: string }) {
    return { text }
  }
}

export default defineApplication({
  channelLayers: { default: new InMemoryChannelLayer() },
  http: fetchHandler(() => new Response(html, { headers: { 'Content-Type': 'text/html; charset=utf-8' } })),
  websocket: allowedHostsOriginValidator(urlRouter([path('ws/', EverybodyConsumer.asApplication())])),
})
