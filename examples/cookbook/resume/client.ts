import { connectLive } from '@tideway/client/live'
import type { NewsConsumer } from './application.ts'

export function start(url: string, show: (line: string) => void) {
  const client = connectLive<typeof NewsConsumer>(url)
  const sport = client.join('news', 'sport', { last: 20 })
  sport.on('published', ({ title }) => show(title))
  sport.on('recovered', () => show('(back: nothing was missed)'))
  sport.on('reset', ({ why }) => show(`(back: the older titles are gone, ${why})`))
  client.on('reconnecting', () => show('(connection lost)'))
  return client
}
