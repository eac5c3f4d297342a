import { useSocket, useSocketState } from '@tideway/client/react'
import type { TidewayClient } from '@tideway/client'
import { createElement, useState, type ReactElement } from 'react'
import { mountStrict } from './mounted-page.ts'

/** The page of the React test: what a component can see of a connection, as text. */

interface Seen {
  socket?: TidewayClient | undefined
  readonly texts: string[]
  unmount?: () => void
  changeUrl?: (url: string) => void
}

const seen: Seen = { texts: [] }

function Room({ url }: { url: string }): ReactElement {
  const [messages, setMessages] = useState<string[]>([])
  const socket = useSocket<unknown, { text: string }>(url, {
    minUptimeMs: 0,
    // A wait of half a minute, to see something of it.
    backoff: { baseMs: 30_000 },
    random: () => 0.999,
    onMessage: ({ text }) => setMessages((earlier) => [...earlier, text]),
  })
  const { status, secondsLeft } = useSocketState(socket)
  seen.socket = socket
  return createElement('p', null, `${status} ${secondsLeft} [${messages.join(' ')}]`)
}

function Page({ url }: { url: string }): ReactElement {
  const [current, setCurrent] = useState(url)
  seen.changeUrl = setCurrent
  return createElement(Room, { url: current })
}

export function mount(url: string): void {
  seen.unmount = mountStrict(createElement(Page, { url }), seen.texts)
}

export { seen }
