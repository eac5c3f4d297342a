import { pbkdf2Sync } from 'node:crypto'
import { authMiddlewareStack, defineApplication, path, urlRouter, WebSocketConsumer, type TextOrBytes } from 'tideway'

/** Some 50 µs on the machines of the day. */
const ITERATIONS = 100
const KEY_BYTES = 32

/**
 * An application with something to do: what several processes are for. The answer has the message and a key derived from it, which is
 * work without garbage: hashes that were collected made the cost of a message differ by a quarter from run to run.
 */
class KeyConsumer extends WebSocketConsumer {
  override receive({ text }: TextOrBytes) {
    const { message } = JSON.parse(text!) as { message: string }
    const user = pbkdf2Sync(message, 'salt', ITERATIONS, KEY_BYTES, 'sha256').toString('base64')
    return this.send({ text: JSON.stringify({ message, user }) })
  }
}

// For `tideway serve --workers N`, which refuses a layer in memory unless an application needs no groups.
export default defineApplication({
  groups: false,
  websocket: authMiddlewareStack(urlRouter([path('ws/key/', KeyConsumer.asApplication())])),
})
