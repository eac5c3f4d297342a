import { channelLayerFromEnvironment } from '@tideway/redis'
import {
  allowedHostsOriginValidator,
  authMiddlewareStack,
  defineApplication,
  path,
  serve,
  urlRouter,
  WebSocketConsumer,
  type Handlers,
  type TextOrBytes,
} from 'tideway'
import { defineGroup, LiveConsumer, request, type StaticFollowHandlers } from 'tideway/live'
import { z } from 'zod'
import { serveOptions } from './serve-options.ts'

// The whole stack as an application has it: origin check, auth stack with an anonymous visitor, URL routing, consumers,
// channel layer (in memory, unless REDIS_URL or CHANNEL_LAYER say otherwise). Run it with the port as its argument or in PORT.

type ChatEvents = { 'chat.message': { message: string; user: string } }

/** The seed's consumer, word for word: it builds and stringifies its answer for each member. */
class ChatConsumer extends WebSocketConsumer<{ roomName: string }> implements Handlers<ChatEvents> {
  #room = ''

  override async connect() {
    this.#room = `chat_${this.scope.urlRoute.kwargs.roomName}`
    await this.channelLayer.groupAdd(this.#room, this.channelName)
    await this.accept()
  }
  override async disconnect() {
    await this.channelLayer.groupDiscard(this.#room, this.channelName)
  }
  override async receive({ text }: TextOrBytes) {
    const { message } = JSON.parse(text!) as { message: string }
    await this.channelLayer.groupSend(this.#room, { type: 'chat.message', message, user: this.scope.user.username })
  }
  onChatMessage(event: ChatEvents['chat.message']) {
    return this.send({ text: JSON.stringify({ message: event.message, user: event.user }) })
  }
}

/** The same chat, whose answer is made once for all members of this process. */
class SharedChatConsumer extends WebSocketConsumer<{ roomName: string }> {
  #room = ''

  override async connect() {
    this.#room = `shared_${this.scope.urlRoute.kwargs.roomName}`
    await this.channelLayer.groupAdd(this.#room, this.channelName)
    await this.accept()
  }
  override async receive({ text }: TextOrBytes) {
    const { message } = JSON.parse(text!) as { message: string }
    await this.channelLayer.groupSend(this.#room, { type: 'chat.message', message, user: this.scope.user.username })
  }
  static onChatMessage(event: ChatEvents['chat.message']) {
    return { text: JSON.stringify({ message: event.message, user: event.user }) }
  }
}

const keptRoom = defineGroup('room', { events: { said: z.object({ message: z.string(), user: z.string() }) } })

/** The same chat over a kept group. */
class KeptChatConsumer extends WebSocketConsumer<{ roomName: string }> {
  get room() {
    return keptRoom(this.scope.urlRoute.kwargs.roomName)
  }

  override async connect() {
    await this.accept()
    await this.follow(this.room.name)
  }
  override async receive({ text }: TextOrBytes) {
    const { message } = JSON.parse(text!) as { message: string }
    await this.room.publish(this.channelLayer, 'said', { message, user: this.scope.user.username })
  }
  static onSaid(event: ChatEvents['chat.message']) {
    return { text: JSON.stringify({ message: event.message, user: event.user }) }
  }
  onReset(): void {}
}
KeptChatConsumer satisfies StaticFollowHandlers<typeof keptRoom>

/** Parses and answers, as the peers' echo servers do. */
class JsonEchoConsumer extends WebSocketConsumer {
  override receive({ text }: TextOrBytes) {
    const { message } = JSON.parse(text!) as { message: string }
    return this.send({ text: JSON.stringify({ message, user: '' }) })
  }
}

const echoed = z.object({ message: z.string() })

/** A room of the live protocol, with a request that answers as the echo does. */
class LiveChatConsumer extends LiveConsumer {
  static override groups = { room: keptRoom }

  override authorize() {
    return true
  }
  echo = request(echoed, ({ message }) => ({ message, user: '' }))
}

/** Text as text, binary as binary. */
class EchoConsumer extends WebSocketConsumer {
  override receive(message: TextOrBytes) {
    return this.send(message)
  }
}

const application = defineApplication({
  channelLayers: { default: channelLayerFromEnvironment() },
  websocket: allowedHostsOriginValidator(
    authMiddlewareStack(
      urlRouter([
        path('ws/chat/:roomName/', ChatConsumer.asApplication()),
        path('ws/shared/:roomName/', SharedChatConsumer.asApplication()),
        path('ws/kept/:roomName/', KeptChatConsumer.asApplication()),
        path('ws/json-echo/', JsonEchoConsumer.asApplication()),
        path('ws/live/', LiveChatConsumer.asApplication()),
        path('ws/echo/', EchoConsumer.asApplication()),
      ]),
    ),
  ),
})

await serve(application, serveOptions())
