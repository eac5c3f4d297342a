import { LiveConsumer, request, type LiveGroup } from 'tideway/live'
import * as v from 'valibot'
import { name, room, text } from './groups.ts'

/** One visitor. The page joins groups and sends requests. */
export class ChatConsumer extends LiveConsumer {
  static override groups = { room }

  /** Called at each join, also after a lost connection. Without it, no client may join. */
  override authorize({ id }: LiveGroup) {
    return /^[a-z0-9-]{1,40}$/.test(id)
  }

  say = request(v.object({ room: v.string(), who: name, text }), ({ room: id, ...message }) =>
    this.publish(room(id), 'said', message),
  )

  typing = request(v.object({ room: v.string(), who: name }), ({ room: id, who }) =>
    this.publish(room(id), 'typing', { who }),
  )
}
