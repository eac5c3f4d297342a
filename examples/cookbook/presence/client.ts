import { connectLive } from '@tideway/client/live'
import type { RoomConsumer } from './application.ts'

export function start(url: string, show: (line: string) => void, token: string) {
  const client = connectLive<typeof RoomConsumer>(url, { token })
  const lobby = client.join('room', 'lobby')
  lobby.on('presence', (people) => {
    const names = [...people.values()].map(({ name }) => name)
    show(`${people.count} here: ${names.sort().join(', ')}`)
  })
  return client
}
