import { describeState } from '@tideway/client'
import { useGroup, useLive, useSocketState } from '@tideway/client/react'
import { useState } from 'react'
import type { ChatConsumer } from './application.ts'

export function App() {
  const chat = useLive<typeof ChatConsumer>('/ws/')
  const { events, request } = useGroup(chat, 'room', 'lobby', { last: 50 })
  const state = useSocketState(chat)
  const [text, setText] = useState('')

  function say(): void {
    setText('')
    request?.('say', { room: 'lobby', text }).catch((error: Error) => alert(error.message))
  }

  return (
    <main>
      <ol>
        {events.map(({ data, position }) => (
          <li key={position}>{data.text}</li>
        ))}
      </ol>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          say()
        }}
      >
        <input value={text} onChange={({ target }) => setText(target.value)} required maxLength={2000} />
      </form>
      <p role="status">{state.status === 'open' ? 'Connected.' : describeState(state)}</p>
    </main>
  )
}
