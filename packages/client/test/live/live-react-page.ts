import { useGroup, useLive } from '@tideway/client/react'
import { createElement, StrictMode, useState, type ReactElement } from 'react'
import { createRoot } from 'react-dom/client'
import type { RoomConsumer } from './live-arena.ts'

/** The page of the React test: two components of one group, as text. */

interface Seen {
  readonly texts: string[]
  showSecond?: (isShown: boolean) => void
  say?: (n: number) => Promise<unknown> | undefined
  unmount?: () => void
}

const seen: Seen = { texts: [] }

type Client = ReturnType<typeof useLive<typeof RoomConsumer>>

function Numbers({ client }: { client: Client }): ReactElement {
  const { events, state, request } = useGroup(client, 'room', 'lobby', { last: 3 })
  seen.say = (n) => request?.('say', { n })
  const numbers = events.map((event) => event.data.n)
  return createElement('p', null, `${state} [${numbers.join(' ')}]`)
}

function Page({ url }: { url: string }): ReactElement {
  const client = useLive<typeof RoomConsumer>(url)
  const [hasSecond, showSecond] = useState(false)
  seen.showSecond = showSecond
  return createElement('div', null, createElement(Numbers, { client }), hasSecond && createElement(Numbers, { client }))
}

/** Mounts the page, in strict mode: every effect runs twice. */
export function mountLive(url: string): void {
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

export { seen as liveSeen }
