import { WebSocketConsumer, type Handlers, type TextOrBytes } from 'tideway'

export type ChatEvents = { 'chat.message': { message: string; user: string } }

export class ChatConsumer extends WebSocketConsumer<{ roomName: string }> implements Handlers<ChatEvents> {
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
    const { message } = JSON.parse(text!)
    await this.channelLayer.groupSend(this.#room, { type: 'chat.message', message, user: this.scope.user.username })
  }

  onChatMessage(event: ChatEvents['chat.message']) {
    return this.send({ text: JSON.stringify({ message: event.message, user: event.user }) })
  }
}
