import { connectLive } from '@tideway/client/live'
import type { NoticeConsumer } from './application.ts'

export function start(url: string, show: (line: string) => void, me: string) {
  const client = connectLive<typeof NoticeConsumer>(url, { token: me })
  client.join('notices', me, { last: 20 }).on('notified', ({ title, url }) => show(`${title} ${url}`))
  return client
}
