// The one module that knows a WebSocket: it opens one, and opens the next when it is lost.

const FIRST_WAIT_MS = 500
const LONGEST_WAIT_MS = 10_000
/** A connection that lives this long was a good one: the next wait is a short one again. */
const GOOD_AFTER_MS = 5000
const CONNECT_TIMEOUT_MS = 10_000

/**
 * What the reader of a page has to know: `waiting` until `retryAt` (as `Date.now()` counts) and then `connecting`
 * again, until it is `open`.
 *
 * @typedef {{ readonly is: 'connecting' } | { readonly is: 'open' } | { readonly is: 'waiting', readonly retryAt: number }} State
 */

/**
 * @typedef {object} Connection
 * @property {(text: string) => boolean} send Whether it could be sent: nothing is kept for later.
 * @property {() => void} tryNow Ends the wait for the next attempt, if there is one.
 * @property {() => void} reopen Leaves the connection for a new one.
 */

/**
 * Opens a connection that comes back by itself.
 *
 * @param {object} options
 * @param {() => Promise<string>} options.url asked before each attempt; to reject is a failed attempt
 * @param {(text: string) => void} options.onMessage
 * @param {(state: State) => void} options.onState
 * @returns {Connection}
 */
export function openConnection({ url, onMessage, onState }) {
  /** @type {WebSocket | undefined} */
  let socket
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer
  let failures = 0
  // Whatever an attempt does after the next one has begun is no longer of interest.
  let attempt = 0

  async function connect() {
    const mine = ++attempt
    clearTimeout(timer)
    onState({ is: 'connecting' })
    timer = setTimeout(() => lost(mine), CONNECT_TIMEOUT_MS)
    try {
      const address = await url()
      if (mine === attempt) listen(new WebSocket(address), mine)
    } catch {
      lost(mine)
    }
  }

  /** @param {WebSocket} opened @param {number} mine */
  function listen(opened, mine) {
    socket = opened
    let openSince = Infinity
    opened.onopen = () => {
      if (mine !== attempt) return
      clearTimeout(timer)
      openSince = Date.now()
      onState({ is: 'open' })
    }
    opened.onmessage = ({ data }) => {
      if (mine === attempt && typeof data === 'string') onMessage(data)
    }
    opened.onclose = () => {
      if (Date.now() - openSince >= GOOD_AFTER_MS) failures = 0
      lost(mine)
    }
  }

  /** @param {number} mine */
  function lost(mine) {
    if (mine !== attempt) return
    attempt++
    leave()
    const longest = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** failures++)
    // At random, so that everybody who lost the same server does not come back in the same instant.
    const wait = longest * (0.5 + Math.random() / 2)
    clearTimeout(timer)
    timer = setTimeout(connect, wait)
    onState({ is: 'waiting', retryAt: Date.now() + wait })
  }

  function leave() {
    socket?.close()
    socket = undefined
  }

  function reopen() {
    leave()
    failures = 0
    void connect()
  }

  function tryNow() {
    if (socket?.readyState !== WebSocket.OPEN) reopen()
  }

  addEventListener('online', tryNow)
  void connect()
  return {
    send(text) {
      if (socket?.readyState !== WebSocket.OPEN) return false
      socket.send(text)
      return true
    },
    tryNow,
    reopen,
  }
}
