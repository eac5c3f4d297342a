import { connectLive } from '@tideway/client/live'
import type { AssistantConsumer } from './application.ts'

export function start(url: string, show: (line: string) => void, me: string) {
  const client = connectLive<typeof AssistantConsumer>(url, { token: me })

  return {
    close: () => client.close(),
    reconnect: () => client.reconnect(),
    async ask(question: string) {
      const id = `${me}/${crypto.randomUUID()}`
      const answer = client.join('answer', id)
      let soFar = ''
      answer.on('started', () => (soFar = ''))
      answer.on('text', ({ text }) => {
        soFar += text
        show(soFar)
      })
      try {
        await client.request('ask', { answer: id, question }, { timeoutMs: 300_000 })
      } finally {
        answer.leave()
      }
      return soFar
    },
  }
}
