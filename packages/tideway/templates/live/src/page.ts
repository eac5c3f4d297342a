import { describeState } from '@tideway/client'
import { connectLive } from '@tideway/client/live'
import type { ChatConsumer } from './chat/consumers.ts'

const form = document.querySelector('form')!
const who = document.querySelector<HTMLInputElement>('[name=who]')!
const text = document.querySelector<HTMLInputElement>('[name=text]')!
const status = document.querySelector('[role=status]')!
const list = document.querySelector('ul')!

function show(line: string): void {
  const item = document.createElement('li')
  item.textContent = line
  list.prepend(item)
}

// The client reconnects by itself, continues the room at its position, and repeats unanswered requests.
const chat = connectLive<typeof ChatConsumer>('/ws/')
chat.on('state', (state) => {
  status.textContent = state.status === 'open' ? 'You are in the lobby.' : describeState(state)
})

const lobby = chat.join('room', 'lobby', { last: 50 })
lobby.on('said', (said) => show(`${said.who}: ${said.text}`))
lobby.on('typing', (typing) => {
  status.textContent = `${typing.who} is typing.`
})
// The server no longer has the events after the last one on the page. The newest ones follow.
lobby.on('reset', () => list.replaceChildren())

text.addEventListener('input', () => {
  if (who.value !== '') chat.send('typing', { room: 'lobby', who: who.value })
})
form.addEventListener('submit', (event) => {
  event.preventDefault()
  const message = { room: 'lobby', who: who.value, text: text.value }
  text.value = ''
  chat.request('say', message).catch((error: Error) => show(`Not sent: ${message.text} (${error.message})`))
})
