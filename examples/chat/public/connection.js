// The only module that uses the connection. The client reconnects by itself, resumes the room, and repeats requests until they are
// answered.

// oxlint-disable-next-line import/no-absolute-path -- an address of the server, not a path of this machine
import { connectLive, secondsLeft } from '/client/live/index.js'

export { secondsLeft }

/** The timeout for storing a message. After it the page offers to send it again. */
const SAY_TIMEOUT_MS = 15 * 60_000
/** The minimum time between two typing notifications; the server accepts one per second. */
const TYPING_EVERY_MS = 2500
/** The close code after a logout. */
export const LOGGED_OUT = 4401
const TAB_KEY = 'tideway-chat-tab'

/** @typedef {typeof import('../src/room/consumers.ts').RoomConsumer} RoomConsumer */
/** @typedef {import('../src/room/groups.ts').Said} SaidToAll */
/** A message, with its key if this visitor wrote it. @typedef {Omit<SaidToAll, 'key'> & { key?: string | undefined }} Said */
/** @typedef {import('../src/report/reports.ts').Report} Report */
/** @typedef {import('/client/live/index.js').ConnectionState} State */

/**
 * @typedef {object} Listeners
 * @property {(guest: number | undefined) => void} onGuest The number of this visitor, of a guest without a name.
 * @property {(joined: { continues: boolean }) => void} onJoined
 * @property {(messages: readonly Said[]) => void} onHistory The newest messages, after an absence that the room does not continue.
 * @property {(said: Said) => void} onSaid
 * @property {(people: ReadonlyMap<string, { name: string, guest?: number | undefined }>, count: number) => void} onPeople
 * @property {(writer: { user: string, guest?: number | undefined }) => void} onTyping Never this visitor.
 * @property {(progress: number) => void} onProgress
 * @property {(report: Report | undefined) => void} onReport Without a report it failed.
 * @property {(state: State) => void} onState
 */

/**
 * @typedef {object} Room
 * @property {(key: string, message: string) => Promise<{ report: 'waiting' | 'failed' } | undefined>} say Resolves once the server
 *   has stored it. A repeated key is the same message.
 * @property {(before: number) => Promise<readonly Said[]>} older
 * @property {() => void} typing
 * @property {() => void} reopen Reconnects now.
 */

/**
 * Enters a room, and stays in it until the page is closed.
 *
 * @param {string} room
 * @param {() => Promise<boolean>} prepare runs before each attempt. `false` closes the client permanently, as after a logout; a
 *   rejection is a failed attempt
 * @param {Listeners} listeners
 * @returns {Room}
 */
export function enterRoom(room, prepare, { onState, ...listeners }) {
  const tab = tabSecret()
  /** The tags of this visitor's messages. */
  /** @type {{ author: string, owner: string, guest?: number | undefined }} */
  let me = { author: '', owner: '' }
  let typedAt = -Infinity

  /** @type {import('/client/live/index.js').LiveClient<RoomConsumer>} */
  const chat = connectLive(
    async () => {
      if (!(await prepare())) chat.close(LOGGED_OUT)
      return '/ws/room/'
    },
    { backoff: { baseMs: 1000, capMs: 10_000 } },
  )
  const group = chat.join('room', room)

  /** @param {{ author: string, owner: string }} writer */
  const isOwn = ({ author, owner }) => author === me.author || (owner !== '' && owner === me.owner)
  /** @param {SaidToAll} said @returns {Said} */
  const marked = ({ key, ...said }) => ({ ...said, ...(isOwn(said) && { key }) })

  /** What the room has sent waits until the tags of this connection are known. */
  let ready = Promise.resolve()
  chat.on('open', () => {
    const asked = chat.request('whoAmI', { tab }, { timeoutMs: SAY_TIMEOUT_MS })
    ready = ready.then(async () => {
      me = await asked.catch(() => me)
      listeners.onGuest(me.guest)
    })
  })
  /** @template {unknown[]} Args @param {(...args: Args) => void} listener @returns {(...args: Args) => void} */
  const later =
    (listener) =>
    (...args) => {
      ready = ready.then(() => listener(...args))
    }

  group.on(
    'snapshot',
    later((snapshot) => {
      const { messages, report } = /** @type {{ messages: SaidToAll[], report: Report | null }} */ (snapshot)
      listeners.onHistory(messages.map(marked))
      if (report !== null) listeners.onReport(report)
    }),
  )
  // Over HTTP the server refuses it: such a guest is listed without a number.
  group.on('joined', () => void chat.request('introduce', { room, tab }).catch(() => {}))
  group.on(
    'joined',
    later(({ recovered }) => listeners.onJoined({ continues: recovered })),
  )
  group.on(
    'said',
    later((said) => listeners.onSaid(marked(said))),
  )
  group.on(
    'typing',
    later((writer) => isOwn(writer) || listeners.onTyping(writer)),
  )
  group.on(
    'presence',
    later((people) => listeners.onPeople(people, people.count)),
  )
  group.on(
    'progress',
    later(({ progress }) => listeners.onProgress(progress)),
  )
  group.on(
    'reported',
    later((report) => listeners.onReport(report)),
  )
  group.on(
    'reportFailed',
    later(() => listeners.onReport(undefined)),
  )
  chat.on('state', onState)
  onState(chat.state)

  return {
    say(key, message) {
      typedAt = -Infinity
      return chat.request('say', { room, tab, key, message }, { timeoutMs: SAY_TIMEOUT_MS })
    },
    older: async (before) => (await chat.request('older', { room, before })).map(marked),
    typing() {
      if (performance.now() - typedAt < TYPING_EVERY_MS) return
      if (chat.send('typing', { room, tab })) typedAt = performance.now()
    },
    reopen: () => chat.reconnect(),
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
