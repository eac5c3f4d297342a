import { connectLive } from '@tideway/client/live'
import type { RoomConsumer } from './application.ts'

export function start(url: string, show: (line: string) => void, token: string) {
  const client = connectLive<typeof RoomConsumer>(url, { token })
  client.join('room', 'lobby', { last: 50 }).on('said', ({ text, process }) => show(`${text} (process ${process})`))

  return {
    close: () => client.close(),
    say: (text: string) => client.request('say', { room: 'lobby', text }),
  }
}
