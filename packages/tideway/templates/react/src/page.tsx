import { describeState } from '@tideway/client'
import { useGroup, useLive, useSocketState } from '@tideway/client/react'
// @if session
import { useEffect, useState, type FormEvent } from 'react'
// @unless session
import { useState, type FormEvent } from 'react'
// @end
import { createRoot } from 'react-dom/client'
import type { ChatConsumer } from './chat/consumers.ts'

// @if guests
function Chat() {
  const chat = useLive<typeof ChatConsumer>('/ws/')
  const [who, setWho] = useState('')
// @if session
function Chat() {
  const chat = useLive<typeof ChatConsumer>('/ws/')
// @if token
function Chat({ token }: { readonly token: string }) {
  const chat = useLive<typeof ChatConsumer>('/ws/', { token })
// @end
  const { events, request } = useGroup(chat, 'room', 'lobby', { last: 50 })
  const state = useSocketState(chat)
  const [text, setText] = useState('')
  const [problem, setProblem] = useState('')
  const lines = events.flatMap((event) => (event.name === 'said' ? [event] : []))

  function say(event: FormEvent): void {
    event.preventDefault()
    setText('')
    // @if guests
    const message = { room: 'lobby', who, text }
    // @if accounts
    const message = { room: 'lobby', text }
    // @end
    request?.('say', message).catch((error: Error) => setProblem(`Not sent: ${text} (${error.message})`))
  }

  return (
    <>
      <form onSubmit={say}>
        {/* @if guests */}
        <input
          aria-label="Name"
          placeholder="Name"
          value={who}
          onChange={({ target }) => setWho(target.value)}
          maxLength={40}
          size={10}
          required
          autoFocus
        />
        {/* @end */}
        <input
          name="text"
          aria-label="Message"
          placeholder="Message"
          value={text}
          onChange={({ target }) => setText(target.value)}
          maxLength={2000}
          autoComplete="off"
          required
        />
        <button>Say</button>
      </form>
      <p role="status">{problem || (state.status === 'open' ? 'You are in the lobby.' : describeState(state))}</p>
      <ul>
        {lines.toReversed().map(({ data, position }) => (
          <li key={position}>{`${data.who}: ${data.text}`}</li>
        ))}
      </ul>
    </>
  )
}

// @if accounts
// @if session
function App() {
  const [isLoggedIn, setLoggedIn] = useState(false)
  useEffect(() => {
    // The cookie of an earlier login.
    void fetch('/me').then(({ ok }) => setLoggedIn(ok))
  }, [])
  return isLoggedIn ? <Chat /> : <Login onLogin={() => setLoggedIn(true)} />
}

function Login({ onLogin }: { readonly onLogin: () => void }) {
// @if token
function App() {
  const [token, setToken] = useState('')
  return token === '' ? <Login onLogin={setToken} /> : <Chat token={token} />
}

function Login({ onLogin }: { readonly onLogin: (token: string) => void }) {
// @if accounts
  const [problem, setProblem] = useState('')

  async function logIn(event: FormEvent<HTMLFormElement>): Promise<void> {
    event.preventDefault()
    const form = new FormData(event.currentTarget)
    const response = await fetch('/login', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ name: form.get('who'), password: form.get('password') }),
    })
    // @if session
    if (response.ok) onLogin()
    // @if token
    if (response.ok) onLogin(((await response.json()) as { readonly token: string }).token)
    // @if accounts
    else setProblem(await response.text())
  }

  return (
    <>
      <form onSubmit={(event) => void logIn(event)}>
        <input name="who" aria-label="Name" placeholder="Name" maxLength={40} autoComplete="username" required autoFocus />
        <input
          name="password"
          type="password"
          aria-label="Password"
          placeholder="Password"
          autoComplete="current-password"
          required
        />
        <button>Log in</button>
      </form>
      <p role="status">{problem}</p>
    </>
  )
}

createRoot(document.querySelector('main')!).render(<App />)
// @if guests
createRoot(document.querySelector('main')!).render(<Chat />)
// @end
