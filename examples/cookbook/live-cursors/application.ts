import { defineGroup, LiveConsumer, request, type LiveGroup } from 'tideway/live'
import { z } from 'zod'
import { recipe } from '../site.ts'

const Cursor = z.object({ name: z.string(), x: z.number(), y: z.number() })
const cursors = defineGroup('cursors', { state: Cursor, keep: { maxKeys: 200 } })
const move = z.object({ board: z.string(), x: z.number(), y: z.number() })

export class BoardConsumer extends LiveConsumer {
  static override groups = { cursors }

  override authorize() {
    return this.scope.user.isAuthenticated
  }

  move = request(move, async ({ board, x, y }) => {
    if (!(await this.hasJoined(cursors(board)))) return
    const cursor = { name: this.scope.user.username, x, y }
    await cursors(board).set(this.channelLayer, this.channelName, cursor, { ttlMs: 30_000 })
  })

  override async onLeave({ id }: LiveGroup) {
    await cursors(id).delete(this.channelLayer, this.channelName)
  }
}

export default recipe(import.meta.dirname, BoardConsumer.asApplication())
