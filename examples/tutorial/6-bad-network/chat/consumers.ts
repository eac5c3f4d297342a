import { randomUUID } from 'node:crypto'
import { LiveConsumer, request, RequestError, type LiveGroup } from 'tideway/live'
import * as v from 'valibot'
import { room, text } from './groups.ts'
import { tasks } from './tasks.ts'
import { lastMessages, saveMessage } from './threads.ts'

const message = v.object({ room: v.string(), text })

/** One page. It joins its room and sends requests. */
export class ChatConsumer extends LiveConsumer {
  static override groups = { room }

  /** Called at each join, also after a lost connection. Without it, no client may join. */
  override authorize({ id }: LiveGroup) {
    return /^\w{1,80}$/.test(id)
  }

  /** For a page that is new, or was away too long. */
  override async snapshot({ id }: LiveGroup) {
    return { messages: await lastMessages(id, 50) }
  }

  say = request(message, async ({ room: id, text }, { id: key = randomUUID() }) => {
    if (!(await this.hasJoined(room(id)))) throw new RequestError('forbidden', 'Join the room first.')
    const said = { key, user: this.scope.user.username, text }
    await saveMessage(id, said)
    await this.publish(room(id), 'said', said)
    if (text === '/report') await tasks.report.enqueue({ room: id }, { jobId: `report-${id}` })
  })
}
