import { connectLive, RequestFailedError } from '@tideway/client/live'
import type { RoomConsumer } from './application.ts'

export function start(url: string, show: (line: string) => void, token: string) {
  const client = connectLive<typeof RoomConsumer>(url, { token })
  client.join('room', 'lobby')

  return {
    close: () => client.close(),
    async say(text: string) {
      show(`… ${text}`)
      try {
        await client.request('say', { room: 'lobby', text }, { timeoutMs: 10_000 })
        show(`✓ ${text}`)
      } catch (error) {
        const reason = error instanceof RequestFailedError ? error.serverCode : 'no answer'
        show(`✗ ${text} (${reason})`)
      }
    },
  }
}
