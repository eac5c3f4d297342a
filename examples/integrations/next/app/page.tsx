'use client'

import { useEffect, useRef, useState } from 'react'

export default function Room() {
  const [heard, setHeard] = useState<readonly string[]>([])
  const socket = useRef<WebSocket>(undefined)

  useEffect(() => {
    const connection = new WebSocket(new URL('/ws/rooms/lobby/', location.href.replace('http', 'ws')))
    connection.onmessage = ({ data }) => setHeard((lines) => [...lines, JSON.parse(data).text])
    socket.current = connection
    return () => connection.close()
  }, [])

  return (
    <main>
      <form
        action={(form) => {
          socket.current?.send(JSON.stringify({ text: form.get('text') }))
        }}
      >
        <input name="text" aria-label="Message" autoComplete="off" />
        <button>Say</button>
      </form>
      <ul>
        {heard.map((text, index) => (
          <li key={index}>{text}</li>
        ))}
      </ul>
    </main>
  )
}
