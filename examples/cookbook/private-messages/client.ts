import { connectLive } from '@tideway/client/live'
import type { InboxConsumer } from './application.ts'

export function start(url: string, show: (line: string) => void, me: string) {
  const client = connectLive<typeof InboxConsumer>(url, { token: me })
  const inbox = client.join('inbox', me, { last: 100 })
  inbox.on('received', ({ from, to, text }) => show(from === me ? `to ${to}: ${text}` : `${from}: ${text}`))

  return {
    close: () => client.close(),
    write: (to: string, text: string) => client.request('write', { to, text }),
  }
}
