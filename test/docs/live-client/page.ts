import { connectLive, type LiveClient } from '@tideway/client/live'
import type { ChatConsumer } from './consumers.ts'

/** The parts of a page that show messages. */
export interface ChatView {
  /** Shows a message. One with the same key replaces it. */
  show(key: string, text: string): void
  showUnsent(key: string, reason: unknown): void
  clear(): void
}

export function openChat(url: string, view: ChatView): LiveClient<typeof ChatConsumer> {
  const chat = connectLive<typeof ChatConsumer>(url)
  const lobby = chat.join('room', 'lobby', { last: 50 })
  lobby.on('said', ({ user, text }, { id, position }) => view.show(id ?? position, `${user}: ${text}`))
  lobby.on('reset', () => view.clear())
  return chat
}

export function say(chat: LiveClient<typeof ChatConsumer>, view: ChatView, text: string): void {
  const sent = chat.request('say', { room: 'lobby', text })
  // The first event of the request has this id: it replaces the text that the page shows now.
  const key = `${sent.id}:1`
  view.show(key, `… ${text}`)
  sent.catch((reason: unknown) => view.showUnsent(key, reason))
}
