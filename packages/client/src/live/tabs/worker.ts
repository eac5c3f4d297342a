// The script of the shared worker: all tabs of a user share one connection to a live consumer. It is bundled as live-worker.js.

import type { ResolvedOptions } from '../../options.ts'
import { chooseTransport } from '../transports/choose.ts'
import { portVersion, type OpenMessage } from './port-protocol.ts'
import { SharedConnection } from './shared-connection.ts'
import { TabPort, type TabPortHost } from './tab-port.ts'

/** The connection for new tabs. */
let current: SharedConnection | undefined
/** The connection over a better transport that is not open yet. */
let next: SharedConnection | undefined
const connectionOf = new Map<TabPort, SharedConnection>()
/** What the worker has learned about the transports, for the options of its first tab: the name of the worker has them. */
let resolved: ResolvedOptions | undefined
let latest: OpenMessage | undefined

function connect({ url, protocols, options }: OpenMessage): SharedConnection {
  resolved ??= chooseFor(options)
  const connection = new SharedConnection(new resolved.WebSocket(url, [...protocols]), options, {
    onOpen() {
      if (next !== connection) return
      const before = current
      current = next
      next = undefined
      before?.move()
    },
    onOver() {
      if (current === connection) current = undefined
      if (next === connection) next = undefined
    },
  })
  return connection
}

function chooseFor(options: OpenMessage['options']): ResolvedOptions {
  const chosen = { ...options, random: Math.random } as ResolvedOptions
  chooseTransport(
    chosen,
    options,
    '',
    (_session, send) => send('{"t":"hello","v":1,"groups":{}}'),
    () => {
      if (latest && current && !next) next = connect(latest)
    },
    () => next?.close(),
  )
  return chosen
}

const host: TabPortHost = {
  onMessage(tab, message) {
    if (message.do === 'open') {
      tab.post({ do: 'accept', version: portVersion })
      if (message.version !== portVersion) return
      latest = message
      const connection = (current ??= connect(message))
      connectionOf.set(tab, connection)
      connection.add(tab)
    } else if (message.do === 'send') connectionOf.get(tab)?.send(tab, message.data)
  },
  onClosed(tab) {
    connectionOf.get(tab)?.remove(tab)
    connectionOf.delete(tab)
    if (connectionOf.size > 0) return
    next?.close()
    current?.close()
  },
}

globalThis.addEventListener('connect', (event) => {
  const [port] = (event as MessageEvent).ports
  if (port) void new TabPort(port, host)
})
globalThis.addEventListener('online', () => current?.check())
