import { createHash } from 'node:crypto'
import { authMiddlewareStack, defineApplication, path, urlRouter, WebSocketConsumer, type TextOrBytes } from 'tideway'

/** How often a message is hashed: some 50 µs on the machines of the day. */
const ROUNDS = 30

/** An application with something to do: what several processes are for. The answer has the message, and its hash many times over. */
class HashConsumer extends WebSocketConsumer {
  override receive({ text }: TextOrBytes) {
    const { message } = JSON.parse(text!) as { message: string }
    let user = message
    for (let round = 0; round < ROUNDS; round++) user = createHash('sha256').update(user).digest('base64')
    return this.send({ text: JSON.stringify({ message, user }) })
  }
}

// For `tideway serve --workers N`, which refuses a layer in memory unless an application needs no groups.
export default defineApplication({
  groups: false,
  websocket: authMiddlewareStack(urlRouter([path('ws/hash/', HashConsumer.asApplication())])),
})
