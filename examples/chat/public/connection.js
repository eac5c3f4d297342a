// The only module that uses the connection. The client reconnects by itself, and messages wait in the meantime.

// oxlint-disable-next-line import/no-absolute-path -- an address of the server, not a path of this machine
import { connect, secondsLeft } from '/client/index.js'

export { secondsLeft }

/** The timeout for storing a message. After it the page offers to send it again. */
const SAY_TIMEOUT_MS = 15 * 60_000
/** The minimum time between two typing notifications; the server accepts one per second. */
const TYPING_EVERY_MS = 2500
/** The close code after a logout. */
export const LOGGED_OUT = 4401
const TAB_KEY = 'tideway-chat-tab'

/** @typedef {import('../src/room/protocol.ts').ClientMessage} ClientMessage */
/** @typedef {import('../src/room/protocol.ts').ServerMessage} ServerMessage */
/** @typedef {import('../src/room/protocol.ts').Said} Said */
/** @typedef {import('/client/index.js').ConnectionState} State */

/**
 * @typedef {object} Room
 * @property {(key: string, message: string) => Promise<unknown>} say Resolves once the server has stored it. A
 *   repeated key is the same message.
 * @property {(before: number) => Promise<{ messages: Said[], hasOlder: boolean }>} older
 * @property {() => void} typing
 * @property {() => void} reopen Reconnects now.
 */

/**
 * Enters a room, and reconnects until the page is closed.
 *
 * @param {string} room
 * @param {object} options
 * @param {() => Promise<boolean>} options.prepare runs before each attempt. `false` closes the client permanently, as after a
 *   logout; a rejection is a failed attempt
 * @param {(message: ServerMessage) => void} options.onMessage
 * @param {(state: State) => void} options.onState
 * @returns {Room}
 */
export function enterRoom(room, { prepare, onMessage, onState }) {
  /** The last received position. @type {{ history: string, number: number } | undefined} */
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

/** Returns a random string that cannot be guessed. */
export function randomMark() {
  return [...crypto.getRandomValues(new Uint32Array(4))].map((part) => part.toString(36).padStart(7, '0')).join('')
}

/** The secret by which the server recognizes this tab's messages, also after a reload. */
function tabSecret() {
  const secret = sessionStorage.getItem(TAB_KEY) ?? randomMark()
  sessionStorage.setItem(TAB_KEY, secret)
  return secret
}
