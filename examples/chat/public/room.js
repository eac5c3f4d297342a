import { enterRoom, LOGGED_OUT, secondsLeft } from './connection.js'
import { find, startIn } from './dom.js'
import { beGuest, introduce, LoggedOutError, settleName } from './me.js'
import { forgetPeople, showPeople, showTyping, stopTyping } from './people.js'
import { forgetReport, showProgress, showReport } from './report.js'
import { watchRooms } from './room-list.js'
import { isOwn, timeOfDay, Transcript } from './transcript.js'
import { UnsentMessages } from './unsent.js'

const ROOM = decodeURIComponent(location.pathname.split('/')[2] ?? '').normalize('NFC')
const WARN_WHEN_LEFT = 200
/** The same value as in `src/report/start.ts`. */
const REPORT_COMMAND = '/report'

/** @type {HTMLFormElement} */
const composer = find('data-composer')
/** @type {HTMLTextAreaElement} */
const input = find('data-input')
/** @type {HTMLButtonElement} */
const send = find('data-send')
startIn(input)

const transcript = new Transcript({
  log: find('data-log'),
  list: find('data-messages'),
  newer: find('data-newer'),
  older: find('data-older'),
  askOlder: (before) => connection.older(before),
})

const unsent = new UnsentMessages({
  list: find('data-unsent'),
  storageKey: `tideway-chat-unsent-${ROOM}`,
  async send(key, message) {
    const answer = await connection.say(key, message)
    if (answer?.report === 'waiting') showProgress()
    if (answer?.report === 'failed') onReport(undefined)
  },
  onChange: welcome,
})

find('data-room-name').textContent = ROOM
/** @type {HTMLAnchorElement} */
const invitation = find('data-room-url')
invitation.href = location.pathname
invitation.textContent = `${location.host}/rooms/${ROOM}`
const copyLink = find('data-copy-link')
// Only a page over TLS or from this machine has a clipboard.
copyLink.hidden = navigator.clipboard === undefined
copyLink.addEventListener('click', () => void copyInvitation())

async function copyInvitation() {
  await navigator.clipboard.writeText(location.origin + location.pathname)
  copyLink.textContent = 'Copied'
  setTimeout(() => {
    copyLink.textContent = 'Copy link'
  }, 2000)
}

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

// ---- the messages

/** The name that the open connection has. */
let myName = ''

/** @param {import('./connection.js').Said} said */
function onSaid(said) {
  if (said.key === undefined) stopTyping(said)
  else unsent.arrived(said.key)
  transcript.add(said)
  welcome()
  if (!isOwn(said) && document.hidden) showUnread(unread + 1)
}

/** @param {readonly import('./connection.js').Said[]} messages */
function onHistory(messages) {
  for (const { key } of messages) if (key !== undefined) unsent.arrived(key)
  transcript.showNewest(messages)
  welcome()
}

/** @param {ReadonlyMap<string, { name: string }>} people @param {number} count */
function onPeople(people, count) {
  showPeople(people, count)
  rooms.count(count)
}

/** @param {import('./connection.js').Report | undefined} report */
function onReport(report) {
  showReport(ROOM, report, transcript)
  welcome()
}

/** Updates the elements that depend on shown and unsent messages. */
function welcome() {
  find('data-welcome').hidden = !transcript.isEmpty || unsent.size > 0
  find('data-lost-waiting').textContent =
    unsent.size === 0 ? '' : unsent.size === 1 ? '1 message waits.' : `${unsent.size} messages wait.`
}

// ---- the connection and its state

let wasLost = false
let isRenaming = false
/** The client does not reconnect by itself: the visitor has to choose how to continue. */
let isClosed = false
/** @type {ReturnType<typeof setInterval> | undefined} */
let countdown

/** @param {import('./connection.js').State} state */
function onState(state) {
  clearInterval(countdown)
  // A connection counts as open when the page has joined the room.
  if (state.status === 'open') return
  unsent.setConnected(false)
  forgetPeople()
  forgetReport()
  rooms.count(undefined)
  if (state.status !== 'connecting') wasLost = true
  showState(wasLost ? 'lost' : 'connecting')
  find('data-lost-title').textContent = titleOf(state)
  isClosed = state.status === 'closed'
  find('data-go-on').hidden = !isClosed
  find('data-try-now').textContent = isClosed ? 'Log in' : 'Try now'
  if (state.status === 'reconnecting') {
    const show = () => {
      find('data-lost-countdown').textContent = `Trying again in ${secondsLeft(state)} s.`
    }
    show()
    countdown = setInterval(show, 250)
  } else {
    find('data-lost-countdown').textContent = isClosed ? '' : 'Trying…'
  }
}

/** @param {import('./connection.js').State} state */
function titleOf(state) {
  if (state.status !== 'closed') return navigator.onLine ? 'The connection is lost.' : 'You are offline.'
  return state.code === LOGGED_OUT ? 'You are logged out.' : `The server has ended this: ${state.reason || state.code}.`
}

function onJoined() {
  if (wasLost && !transcript.isEmpty) transcript.notice(`Connected again at ${timeOfDay(Date.now())}.`)
  else if (isRenaming) transcript.notice(myName === '' ? 'You are a guest again.' : `You are ${myName} now.`)
  wasLost = false
  isRenaming = false
  showState('open')
  unsent.setConnected(true)
  rooms.look()
}

/** @param {'connecting' | 'open' | 'lost'} shown */
function showState(shown) {
  find('data-state').dataset.state = shown
  find('data-state-text').textContent = { open: 'Connected', lost: 'Not connected', connecting: 'Connecting' }[shown]
  find('data-lost').hidden = shown !== 'lost'
}

const rooms = watchRooms(find('data-rooms'), { current: ROOM, onLook() {} })

async function prepare() {
  try {
    myName = await settleName()
    return true
  } catch (error) {
    if (error instanceof LoggedOutError) return false
    throw error
  }
}

const connection = enterRoom(ROOM, prepare, {
  onJoined,
  onHistory,
  onSaid,
  onPeople,
  onTyping: showTyping,
  onProgress: showProgress,
  onReport,
  onState,
})
unsent.restore()
welcome()

const { askToLogIn } = introduce(() => {
  isRenaming = true
  // A closed page starts again, in every tab of this browser.
  if (isClosed) location.reload()
  else connection.reopen()
})

find('data-try-now').addEventListener('click', () => {
  if (isClosed) {
    askToLogIn()
    return
  }
  connection.reopen()
  input.focus()
})

find('data-go-on').addEventListener('click', () => {
  beGuest()
  location.reload()
})

// ---- writing

send.disabled = true

/** Lets the field grow with its text. */
function measure() {
  input.style.height = 'auto'
  input.style.height = `${input.scrollHeight + input.offsetHeight - input.clientHeight}px`
  const left = input.maxLength - input.value.length
  find('data-left').textContent = left <= WARN_WHEN_LEFT ? `${left} characters left` : ''
  send.disabled = input.value.trim() === ''
}

/** An unknown command after a slash is a mistake, or a question. @param {string} message */
function isWrongCommand(message) {
  return /^\/[a-z]+$/i.test(message) && message !== REPORT_COMMAND
}

composer.addEventListener('submit', (event) => {
  event.preventDefault()
  // The server refuses half a character, which a truncated text may contain.
  const message = input.value.trim().replaceAll(/\p{Cs}/gu, '\uFFFD')
  if (isWrongCommand(message)) {
    transcript.notice(
      message === '/help'
        ? `${REPORT_COMMAND} draws which words were said most in this room.`
        : `There is no command ${message}. Try /help.`,
    )
    transcript.toEnd()
    if (message !== '/help') return
  } else if (message !== '') {
    unsent.add(message)
    transcript.toEnd()
  }
  input.value = ''
  measure()
  input.focus()
})

input.addEventListener('input', () => {
  measure()
  if (input.value.trim() !== '') connection.typing()
})
input.addEventListener('keydown', (event) => {
  // Enter also ends the composition of a character, for example in Japanese: ignore it.
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return
  event.preventDefault()
  composer.requestSubmit()
})

addEventListener('keydown', (event) => {
  if (event.key !== 'Escape' || document.querySelector('dialog[open]') !== null) return
  transcript.toEnd()
  input.focus()
})
