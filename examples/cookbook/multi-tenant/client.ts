import { connectLive } from '@tideway/client/live'
import type { CompanyConsumer } from './application.ts'

export function start(url: string, show: (line: string) => void, token: string) {
  const client = connectLive<typeof CompanyConsumer>(url, { token })
  const general = client.join('channel', 'acme/general')
  general.on('said', ({ name, text }) => show(`${name}: ${text}`))
  general.on('left', ({ code }) => show(`not for you: ${code}`))

  return {
    close: () => client.close(),
    say: (text: string) => client.request('say', { channel: 'acme/general', text }),
  }
}
