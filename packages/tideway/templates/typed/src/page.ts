import { describeState } from '@tideway/client'
import { connectLive } from '@tideway/client/live'
import type { ChatConsumer } from './chat/consumers.ts'

const form = document.querySelector<HTMLFormElement>('#say')!
// @if guests
const who = document.querySelector<HTMLInputElement>('[name=who]')!
// @if accounts
const login = document.querySelector<HTMLFormElement>('#login')!
// @end
const text = document.querySelector<HTMLInputElement>('[name=text]')!
const status = document.querySelector('[role=status]')!
const list = document.querySelector('ul')!

function show(line: string): void {
  const item = document.createElement('li')
  item.textContent = line
  list.prepend(item)
}

// @if accounts
login.addEventListener('submit', async (event) => {
  event.preventDefault()
  const form = new FormData(login)
  const response = await fetch('/login', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ name: form.get('who'), password: form.get('password') }),
  })
  // @if session
  if (response.ok) enter()
  // @if token
  if (response.ok) enter(((await response.json()) as { readonly token: string }).token)
  // @if accounts
  else status.textContent = await response.text()
})

// @if session
// The cookie of an earlier login.
if ((await fetch('/me')).ok) enter()

function enter(): void {
  login.hidden = true
  form.hidden = false
// @if token
function enter(token: string): void {
  login.hidden = true
  form.hidden = false
// @if guests
enter()

function enter(): void {
// @end
  // @unless token
  // The client reconnects by itself, continues the room at its position, and repeats unanswered requests.
  const chat = connectLive<typeof ChatConsumer>('/ws/')
  // @if token
  // The client reconnects by itself, continues the room at its position, and repeats unanswered requests.
  const chat = connectLive<typeof ChatConsumer>('/ws/', { token })
  // @end
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
    // @if guests
    if (who.value !== '') chat.send('typing', { room: 'lobby', who: who.value })
    // @if accounts
    chat.send('typing', { room: 'lobby' })
    // @end
  })
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    // @if guests
    const message = { room: 'lobby', who: who.value, text: text.value }
    text.value = ''
    chat.request('say', message).catch((error: Error) => show(`Not sent: ${message.text} (${error.message})`))
    // @if accounts
    const message = { room: 'lobby', text: text.value }
    text.value = ''
    chat.request('say', message).catch((error: Error) => show(`Not sent: ${message.text} (${error.message})`))
    // @end
  })
}
