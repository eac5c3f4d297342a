// The one module that knows the connection: what goes over it, and what is asked on each new one. It comes back by
// itself; what is to be said meanwhile waits.

// oxlint-disable-next-line import/no-absolute-path -- an address of the server, not a path of this machine
import { connect, secondsLeft } from '/client/index.js'

export { secondsLeft }

/** How long a message waits for the server to keep it before the page asks what to do with it. */
const SAY_TIMEOUT_MS = 15 * 60_000
/** The server takes no more than one a second; a page says it less often still. */
const TYPING_EVERY_MS = 2500
/** The close code of a connection that is no longer its user's. */
export const LOGGED_OUT = 4401
const TAB_KEY = 'tideway-chat-tab'

/** @typedef {import('../src/room/protocol.ts').ClientMessage} ClientMessage */
/** @typedef {import('../src/room/protocol.ts').ServerMessage} ServerMessage */
/** @typedef {import('../src/room/protocol.ts').Said} Said */
/** @typedef {import('/client/index.js').ConnectionState} State */

/**
 * @typedef {object} Room
 * @property {(key: string, message: string) => Promise<unknown>} say Resolves when the server keeps it. The same key
 *   again is the same message, however often it is sent.
 * @property {(before: number) => Promise<{ messages: Said[], hasOlder: boolean }>} older
 * @property {() => void} typing
 * @property {() => void} reopen Connects anew, now.
 */

/**
 * Goes into a room, again and again until the page is left.
 *
 * @param {string} room
 * @param {object} options
 * @param {() => Promise<boolean>} options.prepare done before each attempt; `false` to give it up for good, as somebody
 *   who is logged out, and to reject is a failed attempt
 * @param {(message: ServerMessage) => void} options.onMessage
 * @param {(state: State) => void} options.onState
 * @returns {Room}
 */
export function enterRoom(room, { prepare, onMessage, onState }) {
  /** Where this page stopped reading. @type {{ history: string, number: number } | undefined} */
  let seen
  let typedAt = -Infinity

  /** @type {import('/client/index.js').TidewayClient<ClientMessage, ServerMessage>} */
  const socket = connect(
    async () => {
      if (!(await prepare())) socket.close(LOGGED_OUT)
      return `/ws/room/${encodeURIComponent(room)}/`
    },
    {
      onConnectMessage: () => ({ type: 'hello', tab: tabSecret(), seen }),
      backoff: { baseMs: 1000, capMs: 10_000 },
      heartbeat: { intervalMs: 25_000 },
    },
  )
  socket.on('message', (message) => {
    if (message.type === 'welcome') {
      seen = { history: message.history, number: message.continues ? (seen?.number ?? 0) : 0 }
    } else if (message.type === 'said' && seen !== undefined) {
      const number = message.messages.reduce((last, said) => Math.max(last, said.number ?? 0), seen.number)
      seen = { ...seen, number }
    }
    onMessage(message)
  })
  socket.on('state', onState)
  onState(socket.state)

  return {
    say(key, message) {
      typedAt = -Infinity
      return socket.request({ type: 'say', key, message }, { retry: true, timeoutMs: SAY_TIMEOUT_MS })
    },
    older: (before) => socket.request({ type: 'older', before }),
    typing() {
      if (socket.state.status !== 'open' || performance.now() - typedAt < TYPING_EVERY_MS) return
      typedAt = performance.now()
      socket.send({ type: 'typing' })
    },
    reopen: () => socket.reconnect(),
  }
}

/** Something that nobody else makes or guesses. */
export function randomMark() {
  return [...crypto.getRandomValues(new Uint32Array(4))].map((part) => part.toString(36).padStart(7, '0')).join('')
}

/** By this the server knows again what this tab has written, after a reload too. */
function tabSecret() {
  const secret = sessionStorage.getItem(TAB_KEY) ?? randomMark()
  sessionStorage.setItem(TAB_KEY, secret)
  return secret
}
