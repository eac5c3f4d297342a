import { LiveConsumer, request, type LiveGroup } from 'tideway/live'
import * as v from 'valibot'
import { room, text } from './groups.ts'

/** One visitor. The page joins groups and sends requests. */
export class ChatConsumer extends LiveConsumer {
  static override groups = { room }

  /** Rejects the handshake of a client without a login. */
  override async connect() {
    if (!this.scope.user.isAuthenticated) return this.close()
    await super.connect()
  }

  /** Called at each join, also after a lost connection. Without it, no client may join. */
  override authorize({ id }: LiveGroup) {
    return /^[a-z0-9-]{1,40}$/.test(id)
  }

  say = request(v.object({ room: v.string(), text }), ({ room: id, text }) =>
    this.publish(room(id), 'said', { who: this.scope.user.username, text }),
  )

  typing = request(v.object({ room: v.string() }), ({ room: id }) =>
    this.publish(room(id), 'typing', { who: this.scope.user.username }),
  )
}
