import { defineApplication, InMemoryChannelLayer, originValidator } from 'tideway'
import type { Application } from 'tideway/asgi'
import { liveServer } from 'tideway/testing'
import { expect, it, onTestFinished, vi } from 'vitest'
import { WebSocket } from 'ws'
import { ChatConsumer, room } from './live-client/consumers.ts'
import { openChat, say, type ChatView } from './live-client/page.ts'

// The program of docs/guides/live-client.md.

const withUser: Application = (scope, receive, send) => {
  const live = ChatConsumer.asApplication()
  const user = { id: '1', username: 'ann', isAuthenticated: true }
  return live({ ...scope, user } as never, receive as never, send as never)
}

it('shows what is said, with the pending text of a request replaced by its event', async () => {
  vi.stubGlobal('WebSocket', WebSocket)
  onTestFinished(() => void vi.unstubAllGlobals())
  const layer = new InMemoryChannelLayer()
  const server = await liveServer(
    defineApplication({ channelLayers: { default: layer }, websocket: originValidator(withUser, ['*']) }),
  )
  onTestFinished(async () => {
    await server.close()
    await layer.close()
  })
  await room('lobby').publish(layer, 'said', { user: 'bot', text: 'earlier' })

  const shown = new Map<string, string>()
  const history: string[] = []
  const view: ChatView = {
    show(key, text) {
      shown.set(key, text)
      history.push(text)
    },
    showUnsent: (key, reason) => expect.unreachable(`${key}: ${String(reason)}`),
    clear: () => shown.clear(),
  }
  const chat = openChat(server.webSocketUrl, view)
  onTestFinished(() => chat.close())
  await expect.poll(() => history).toEqual(['bot: earlier'])
  say(chat, view, 'hello')
  await expect.poll(() => history).toEqual(['bot: earlier', '… hello', 'ann: hello'])
  expect([...shown.values()]).toEqual(['bot: earlier', 'ann: hello'])
})
