import { connectLive } from '@tideway/client/live'
import type { BoardConsumer } from './application.ts'

const SEND_EVERY_MS = 50

export function start(url: string, show: (line: string) => void, token: string) {
  const client = connectLive<typeof BoardConsumer>(url, { token })
  const board = client.join('cursors', 'plan')
  board.on('value', (cursor, key) => show(cursor ? `${cursor.name}: ${cursor.x},${cursor.y}` : `${key} has left`))

  let next: { x: number; y: number } | undefined
  let timer: ReturnType<typeof setTimeout> | undefined
  const send = () => {
    timer = undefined
    if (next !== undefined) client.send('move', { board: 'plan', ...next })
  }

  return {
    close() {
      clearTimeout(timer)
      client.close()
    },
    /** Call it for each `pointermove` event: at most 20 messages a second, and the last position is always sent. */
    onMove(x: number, y: number) {
      next = { x, y }
      timer ??= setTimeout(send, SEND_EVERY_MS)
    },
  }
}
