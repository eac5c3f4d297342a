import { connectLive, RequestFailedError } from '@tideway/client/live'
import type { RoomConsumer } from './application.ts'

export function start(url: string, show: (line: string) => void, token: string) {
  const client = connectLive<typeof RoomConsumer>(url, { token })
  client.join('room', 'lobby').on('said', ({ text }) => show(text))
  client.on('closed', ({ code }) => show(`closed with ${code}`))

  return {
    close: () => client.close(),
    async say(text: string) {
      try {
        await client.request('say', { room: 'lobby', text })
      } catch (error) {
        if (error instanceof RequestFailedError && error.serverCode === 'slow_down') return show(error.message)
        throw error
      }
    },
  }
}
