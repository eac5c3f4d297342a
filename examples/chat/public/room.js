import { openConnection } from './connection.js'
import { find, startIn } from './dom.js'
import { introduce, settleName } from './me.js'
import { headCount, watchRooms } from './room-list.js'
import { timeOfDay, Transcript } from './transcript.js'

const ROOM = location.pathname.split('/')[2] ?? ''
const WARN_WHEN_LEFT = 200

/** @type {HTMLFormElement} */
const composer = find('data-composer')
/** @type {HTMLTextAreaElement} */
const input = find('data-input')
startIn(input)

const transcript = new Transcript({
  log: find('data-log'),
  list: find('data-messages'),
  newer: find('data-newer'),
  storageKey: `tideway-chat-room-${ROOM}`,
})

find('data-room-name').textContent = ROOM
find('data-room-url').textContent = location.host + location.pathname

// ---- the title of the tab

let unread = 0

/** @param {number} count */
function showUnread(count) {
  unread = count
  document.title = `${count > 0 ? `(${count}) ` : ''}${ROOM}: tideway chat`
}

document.addEventListener('visibilitychange', () => {
  if (!document.hidden) showUnread(0)
})
showUnread(0)

// ---- what is said

/** The name that the open connection has. */
let myName = ''
/** What was sent and has not come back yet. A connection keeps the order, so the first is the first to come back.
 * @type {ReturnType<Transcript['addPending']>[]} */
let pending = []

/** @param {string} text */
function onMessage(text) {
  const received = parse(text)
  if (received === undefined) return
  const { message, user } = received
  // The protocol says who, and guests all have the same name: what came back in the order it was sent is one's own.
  const own = user === myName && pending[0]?.message === message
  if (own) pending.shift()?.remove()
  transcript.add({ user, message, at: Date.now(), own })
  welcome()
  if (!own && document.hidden) showUnread(unread + 1)
}

/** @param {string} text @returns {{ message: string, user: string } | undefined} */
function parse(text) {
  try {
    const { message, user } = JSON.parse(text)
    if (typeof message === 'string' && typeof user === 'string') return { message, user }
  } catch {
    // Not of this chat's protocol, like a message that is no text: nothing to show.
  }
  return undefined
}

/** @param {string} message */
function say(message) {
  if (!connection.send(JSON.stringify({ message }))) return false
  pending.push(transcript.addPending(message, sayAgain))
  welcome()
  return true
}

/** @param {string} message */
function sayAgain(message) {
  if (say(message)) return
  input.value = input.value === '' ? message : `${message}\n${input.value}`
  measure()
  input.focus()
}

function welcome() {
  find('data-welcome').hidden = !transcript.isEmpty || pending.length > 0
}

// ---- the connection, and its state as it is

let wasLost = false
let isRenaming = false
/** Enter was pressed while the page was about to connect: at its start, or for a new name. */
let isHasty = false
/** @type {ReturnType<typeof setInterval> | undefined} */
let countdown

/** @param {import('./connection.js').State} state */
function onState(state) {
  clearInterval(countdown)
  const isOpen = state.is === 'open'
  if (!isOpen) {
    for (const message of pending) message.doubt()
    pending = []
  }
  if (state.is === 'waiting') {
    wasLost = true
    isHasty = false
  }
  const shown = isOpen ? 'open' : wasLost ? 'lost' : 'connecting'
  find('data-state').dataset.state = shown
  find('data-state-text').textContent = { open: 'Connected', lost: 'Not connected', connecting: 'Connecting' }[shown]
  find('data-lost').hidden = shown !== 'lost'
  find('data-lost-title').textContent = navigator.onLine ? 'The connection is lost.' : 'You are offline.'
  find('data-send').toggleAttribute('disabled', !isOpen)

  if (isOpen) {
    if (wasLost) came(`Connected again at ${timeOfDay(Date.now())}. What was said in between is not here.`)
    else if (isRenaming) transcript.notice(myName === '' ? 'You are a guest again.' : `You are ${myName} now.`)
    wasLost = false
    isRenaming = false
    rooms.look()
    if (isHasty) composer.requestSubmit()
  } else {
    find('data-people').textContent = ''
  }
  if (state.is === 'waiting') {
    const show = () => showCountdown(state.retryAt)
    show()
    countdown = setInterval(show, 250)
  } else {
    find('data-lost-countdown').textContent = 'Trying…'
  }
}

/** @param {number} retryAt */
function showCountdown(retryAt) {
  const seconds = Math.max(0, Math.ceil((retryAt - Date.now()) / 1000))
  find('data-lost-countdown').textContent = `Trying again in ${seconds} s.`
}

/** There is a gap in what this tab has seen. @param {string} text */
function came(text) {
  if (!transcript.isEmpty) transcript.notice(text)
}

transcript.restore()
came(`You came back at ${timeOfDay(Date.now())}. What was said in between is not here.`)
welcome()

const rooms = watchRooms(find('data-rooms'), {
  current: ROOM,
  onLook(open) {
    const here = open?.find(({ name }) => name === ROOM)
    find('data-people').textContent =
      here === undefined ? '' : here.people === 1 ? 'Only you' : `${headCount(here.people)} here`
  },
})

const connection = openConnection({
  async url() {
    myName = await settleName()
    return `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/ws/chat/${ROOM}/`
  },
  onMessage,
  onState,
})

find('data-try-now').addEventListener('click', () => {
  connection.tryNow()
  input.focus()
})

introduce(() => {
  isRenaming = true
  connection.reopen()
})

// ---- writing

/** Lets the field grow with its text. */
function measure() {
  input.style.height = 'auto'
  input.style.height = `${input.scrollHeight + input.offsetHeight - input.clientHeight}px`
  const left = input.maxLength - input.value.length
  find('data-left').textContent = left <= WARN_WHEN_LEFT ? `${left} characters left` : ''
}

composer.addEventListener('submit', (event) => {
  event.preventDefault()
  const message = input.value.trim()
  // Not connected: the text stays where it is, and the page already says why.
  if (message !== '' && !say(message)) {
    isHasty = !wasLost
    return
  }
  isHasty = false
  input.value = ''
  measure()
  input.focus()
})

input.addEventListener('input', measure)
input.addEventListener('keydown', (event) => {
  // Enter also ends the composition of a character (in Japanese, for one): that is not for us.
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return
  event.preventDefault()
  composer.requestSubmit()
})

addEventListener('keydown', (event) => {
  if (event.key !== 'Escape' || document.querySelector('dialog[open]') !== null) return
  transcript.toEnd()
  input.focus()
})
