import { randomUUID } from 'node:crypto'
import { WebSocketConsumer, type Handlers, type TextOrBytes } from 'tideway'
import type { TaskEvents } from 'tideway/worker'
import { tasks } from './tasks.ts'
import { lastMessages, saveMessage } from './threads.ts'

export type ChatEvents = { 'chat.message': { message: string; user: string } }

export class ChatConsumer
  extends WebSocketConsumer<{ roomName: string }>
  implements Handlers<ChatEvents>, Handlers<TaskEvents>
{
  #room = ''

  override async connect() {
    const { roomName } = this.scope.urlRoute.kwargs
    this.#room = `chat_${roomName}`
    await this.channelLayer.groupAdd(this.#room, this.channelName)
    const messages = await lastMessages(roomName, 20)
    await this.accept()
    for (const { text, user } of messages) await this.#show(text, user)
  }

  override async disconnect() {
    await this.channelLayer.groupDiscard(this.#room, this.channelName)
  }

  override async receive({ text }: TextOrBytes) {
    const { message } = JSON.parse(text!)
    const { username: user } = this.scope.user
    const room = this.scope.urlRoute.kwargs.roomName
    await saveMessage(room, { key: randomUUID(), user, text: message })
    await this.channelLayer.groupSend(this.#room, { type: 'chat.message', message, user })
    if (message !== '/report') return
    await tasks.report.enqueue({ room }, { jobId: `report-${room}`, notify: { group: this.#room } })
  }

  onChatMessage({ message, user }: ChatEvents['chat.message']) {
    return this.#show(message, user)
  }

  onTaskProgress({ progress }: TaskEvents['task.progress']) {
    return this.#show(`${Number(progress) * 100} %`, 'report')
  }

  onTaskDone({ result }: TaskEvents['task.done']) {
    return this.#show(String(result), 'report')
  }

  onTaskFailed({ error }: TaskEvents['task.failed']) {
    return this.#show(error.message, 'report')
  }

  async #show(message: string, user: string) {
    await this.send({ text: JSON.stringify({ message, user }) })
  }
}
