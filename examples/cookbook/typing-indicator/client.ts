import { connectLive } from '@tideway/client/live'
import type { RoomConsumer } from './application.ts'

const SEND_EVERY_MS = 2000
const SHOW_FOR_MS = 5000

export function start(url: string, show: (line: string) => void, me: string) {
  const client = connectLive<typeof RoomConsumer>(url, { token: me })
  const lobby = client.join('room', 'lobby', { last: 50 })
  const typing = new Map<string, ReturnType<typeof setTimeout>>()
  let sentAt = -Infinity

  const stop = (name: string) => {
    clearTimeout(typing.get(name))
    if (typing.delete(name)) show(`${name} has stopped typing`)
  }

  lobby.on('typing', ({ name }) => {
    if (name === me) return
    if (!typing.has(name)) show(`${name} is typing …`)
    clearTimeout(typing.get(name))
    typing.set(
      name,
      setTimeout(() => stop(name), SHOW_FOR_MS),
    )
  })
  lobby.on('said', ({ name, text }) => {
    stop(name)
    show(`${name}: ${text}`)
  })

  return {
    close: () => client.close(),
    /** Call it for each `input` event of the text field. */
    onInput() {
      if (performance.now() - sentAt < SEND_EVERY_MS) return
      sentAt = performance.now()
      client.send('type', { room: 'lobby' })
    },
    say(text: string) {
      sentAt = -Infinity
      return client.request('say', { room: 'lobby', text })
    },
  }
}
