import { enterRoom, LOGGED_OUT, secondsLeft } from './connection.js'
import { find, startIn } from './dom.js'
import { beGuest, introduce, LoggedOutError, settleName, showNumber } from './me.js'
import { forgetPeople, showPeople, showTyping, stopTyping } from './people.js'
import { noteSeen, visit } from './recent-rooms.js'
import { forgetReport, showProgress, showReport } from './report.js'
import { watchRooms } from './room-list.js'
import { isOwn, timeOfDay, Transcript } from './transcript.js'
import { UnsentMessages } from './unsent.js'
import { offerOtherLanguage, t } from './words.js'

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
offerOtherLanguage(find('data-language'))

const transcript = new Transcript({
  log: find('data-log'),
  list: find('data-messages'),
  newer: find('data-newer'),
  older: find('data-older'),
  askOlder: (before) => connection.older(before),
  seen: visit(ROOM),
  onSeen: (number) => noteSeen(ROOM, number),
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
  const label = find('data-copy-label')
  label.textContent = t('Copied')
  setTimeout(() => {
    label.textContent = t('Copy link')
  }, 2000)
}

// ---- the title of the tab

let unread = 0

/** @param {number} count */
function showUnread(count) {
  unread = count
  document.title = `${count > 0 ? `(${count}) ` : ''}${ROOM} – tideway chat`
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

/** @param {ReadonlyMap<string, { name: string, guest?: number | undefined }>} people @param {number} count */
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
    unsent.size === 0
      ? ''
      : unsent.size === 1
        ? t('1 message waits.')
        : t('{count} messages wait.', { count: unsent.size })
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
  find('data-try-now').textContent = isClosed ? t('Log in') : t('Try now')
  if (state.status === 'reconnecting') {
    const show = () => {
      find('data-lost-countdown').textContent = t('Trying again in {seconds} s.', { seconds: secondsLeft(state) })
    }
    show()
    countdown = setInterval(show, 250)
  } else {
    find('data-lost-countdown').textContent = isClosed ? '' : t('Trying…')
  }
}

/** @param {import('./connection.js').State} state */
function titleOf(state) {
  if (state.status !== 'closed') return navigator.onLine ? t('The connection is lost.') : t('You are offline.')
  return state.code === LOGGED_OUT
    ? t('You are logged out.')
    : t('The server has closed the connection: {reason}.', { reason: state.reason || state.code })
}

function onJoined() {
  if (wasLost && !transcript.isEmpty)
    transcript.notice(t('Connected again at {time}.', { time: timeOfDay(Date.now()) }))
  else if (isRenaming)
    transcript.notice(myName === '' ? t('You are a guest again.') : t('You are {name} now.', { name: myName }))
  wasLost = false
  isRenaming = false
  showState('open')
  unsent.setConnected(true)
  rooms.look()
}

/** @param {'connecting' | 'open' | 'lost'} shown */
function showState(shown) {
  find('data-state').dataset.state = shown
  const texts = { open: t('Connected'), lost: t('Not connected'), connecting: t('Connecting') }
  find('data-state-text').textContent = texts[shown]
  find('data-lost').hidden = shown !== 'lost'
}

const rooms = watchRooms({ recent: find('data-recent-rooms'), open: find('data-rooms') }, { current: ROOM })

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
  onGuest: showNumber,
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
  find('data-left').textContent = left <= WARN_WHEN_LEFT ? t('{count} characters left', { count: left }) : ''
  send.disabled = input.value.trim() === ''
}

/** Returns the reason if the message begins like a command and is none, or asks for help. @param {string} message */
function answerTo(message) {
  const command = /^\/[\p{L}\d_-]+(?=\s|$)/u.exec(message)?.[0]
  if (command === undefined || message === REPORT_COMMAND) return undefined
  if (command !== '/help' && command !== REPORT_COMMAND)
    return t('There is no command {command}. Try /help.', { command })
  return t('{command} draws which words were said most in this room.', { command: REPORT_COMMAND })
}

composer.addEventListener('submit', (event) => {
  event.preventDefault()
  // The server refuses half a character, which a truncated text may contain.
  const message = input.value.trim().replaceAll(/\p{Cs}/gu, '\uFFFD')
  const answer = answerTo(message)
  if (answer !== undefined) {
    transcript.notice(answer)
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
  transcript.markRead()
  input.focus()
})
