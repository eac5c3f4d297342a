import { WebSocketConsumer, type TextOrBytes } from 'tideway'

export class ChatConsumer extends WebSocketConsumer<{ roomName: string }> {
  roomName = ''
  roomGroupName = ''

  override async connect() {
    this.roomName = this.scope.urlRoute.kwargs.roomName
    this.roomGroupName = `chat_${this.roomName}`
    await this.channelLayer.groupAdd(this.roomGroupName, this.channelName)
    await this.accept()
  }

  override async disconnect() {
    await this.channelLayer.groupDiscard(this.roomGroupName, this.channelName)
  }

  override async receive({ text }: TextOrBytes) {
    const { message } = JSON.parse(text!)
    await this.channelLayer.groupSend(this.roomGroupName, {
      type: 'chat_message',
      message,
      user: this.scope.user.username,
    })
  }

  async onChatMessage(event: { message: string; user: string }) {
    await this.send({ text: JSON.stringify({ message: event.message, user: event.user }) })
  }
}
