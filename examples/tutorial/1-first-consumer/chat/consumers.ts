import { WebSocketConsumer, type TextOrBytes } from 'tideway'

export class ChatConsumer extends WebSocketConsumer<{ roomName: string }> {
  override async connect() {
    await this.accept()
  }

  override async receive({ text }: TextOrBytes) {
    const { message } = JSON.parse(text!)
    await this.send({ text: JSON.stringify({ message, user: this.scope.user.username }) })
  }
}
