import { useSocket, useSocketState } from '@tideway/client/react'
import type { TidewayClient } from '@tideway/client'
import { createElement, StrictMode, useState, type ReactElement } from 'react'
import { createRoot } from 'react-dom/client'

/** The page of the React test: what a component can see of a connection, as text. */

interface Seen {
  socket?: TidewayClient | undefined
  /** The texts of the page, as they came: who looks now and then may miss one that is there for a second. */
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

/** Mounts the page, in strict mode: every effect runs twice. */
export function mount(url: string): void {
  const element = document.createElement('main')
  document.body.append(element)
  new MutationObserver(() => seen.texts.push(element.textContent)).observe(element, {
    childList: true,
    characterData: true,
    subtree: true,
  })
  const root = createRoot(element)
  seen.unmount = () => root.unmount()
  root.render(createElement(StrictMode, null, createElement(Page, { url })))
}

export { seen }
