import { connectLive } from '@tideway/client/live'
import type { RoomConsumer } from './application.ts'

export function start(url: string, show: (line: string) => void, token: string, origin = '') {
  const client = connectLive<typeof RoomConsumer>(url, { token })
  const lobby = client.join('room', 'lobby', { last: 50 })
  lobby.on('uploaded', ({ name, by, bytes }) => show(`${by} has uploaded ${name} (${bytes} bytes)`))

  return {
    close: () => client.close(),
    /** Call it with a `File` of an `<input type="file">`. */
    async upload(file: Blob, name: string) {
      const headers = { Authorization: `Bearer ${token}` }
      const target = `${origin}/files?name=${encodeURIComponent(name)}`
      const { ok, status } = await fetch(target, { method: 'POST', headers, body: file })
      if (!ok) show(`${name} was refused: ${status}`)
    },
  }
}
