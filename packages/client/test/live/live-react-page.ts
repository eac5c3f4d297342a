import { useGroup, useLive } from '@tideway/client/react'
import { createElement, useState, type ReactElement } from 'react'
import { mountStrict } from '../mounted-page.ts'
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

export function mountLive(url: string): void {
  seen.unmount = mountStrict(createElement(Page, { url }), seen.texts)
}

export { seen as liveSeen }
