import { channelLayerFromEnvironment } from '@tideway/redis'
import { allowedHostsOriginValidator, authMiddlewareStack, defineApplication, path, serve, urlRouter } from 'tideway'
import { defineGroup, LiveConsumer } from 'tideway/live'
import { z } from 'zod'
import { obey } from './publisher.ts'

// Kept groups behind the whole stack, with the default history, limits and layer: in memory, or on REDIS_URL.

const said = z.object({ n: z.number(), sentMs: z.number(), text: z.string() })
const room = defineGroup('room', { events: { said } })

class RoomConsumer extends LiveConsumer {
  static override groups = { room }

  override authorize() {
    return true
  }
}

const layer = channelLayerFromEnvironment()
const application = defineApplication({
  channelLayers: { default: layer },
  websocket: allowedHostsOriginValidator(authMiddlewareStack(urlRouter([path('live/', RoomConsumer.asApplication())]))),
})
const silent = { debug() {}, info() {}, warn() {}, error() {} }
const server = await serve(application, { port: 0, logger: silent })

process.once('SIGTERM', () => void server.close().then(() => process.exit(0)))
obey(server.port, ({ room: id, n, sentMs, text }) => room(id).publish(layer, 'said', { n, sentMs, text }))
