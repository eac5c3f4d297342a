import { allowedHostsOriginValidator, authMiddlewareStack, defineApplication } from 'tideway'
import { InMemoryChannelLayer, path, urlRouter } from 'tideway'
import { defineGroup, LiveConsumer, request } from 'tideway/live'
import * as v from 'valibot'

const text = v.pipe(v.string(), v.trim(), v.minLength(1), v.maxLength(2000))

const room = defineGroup('room', {
  events: { said: v.object({ text }) },
  history: { size: 200, ttlMs: 86_400_000 },
})

export class ChatConsumer extends LiveConsumer {
  static override groups = { room }

  override authorize() {
    return true
  }

  say = request(v.object({ room: v.string(), text }), ({ room: id, ...said }) => this.publish(room(id), 'said', said))
}

export default defineApplication({
  channelLayers: { default: new InMemoryChannelLayer() },
  websocket: allowedHostsOriginValidator(authMiddlewareStack(urlRouter([path('ws/', ChatConsumer.asApplication())]))),
})
