// Shows one answer: that of the id in the address, so a reload and a second tab show the same.

// oxlint-disable-next-line import/no-absolute-path -- an address of the server, not a path of this machine
import { connectLive } from '/client/live/index.js'

/** @typedef {typeof import('../src/answers.ts').AnswerConsumer} AnswerConsumer */

/** As many events as the group keeps: all of them. */
const ALL = 5000
const TRANSPORTS = { websocket: 'WebSocket', stream: 'HTTP stream', poll: 'HTTP polls' }
const ENDS = { complete: '', stopped: 'Stopped.', failed: 'The server could not finish this answer.' }

const [hint, prompt] = [find('hint'), find('prompt')]
const [answer, end] = [find('answer'), find('end')]
const [connection, ask, stop] = [find('connection'), find('ask'), find('stop')]
const form = /** @type {HTMLFormElement} */ (document.querySelector('form'))

/** @type {import('/client/live/index.js').LiveClient<AnswerConsumer>} */
const client = connectLive('/ws/answers/')
/** The joined group. @type {{ leave(): void } | undefined} */
let joined

client.on('state', showConnection)
addEventListener('hashchange', show)
showConnection()
show()

form.addEventListener('submit', (event) => {
  event.preventDefault()
  const data = new FormData(form)
  void askFor(/** @type {string} */ (data.get('prompt')), Number(data.get('words')))
})

/** @param {string} prompt @param {number} words */
async function askFor(prompt, words) {
  try {
    const { run } = await client.request('ask', { prompt, words })
    form.reset()
    location.hash = run
  } catch (error) {
    showEnd(error instanceof Error ? error.message : String(error))
  }
}

stop.addEventListener('click', () => {
  client.request('cancel', { run: location.hash.slice(1) }).catch((error) => showEnd(error.message))
})

/** Joins the answer of the address, with all of its history. */
function show() {
  joined?.leave()
  joined = undefined
  clear()
  const id = location.hash.slice(1)
  hint.hidden = id !== ''
  if (id === '') return
  const run = client.join('run', id, { last: ALL })
  joined = run
  run.on('started', (started) => {
    prompt.textContent = started.prompt
    setWriting(true)
  })
  run.on('text', ({ text }) => {
    const isAtEnd = innerHeight + scrollY >= document.body.scrollHeight - 8
    answer.append(text)
    if (isAtEnd) scrollTo(0, document.body.scrollHeight)
  })
  run.on('done', ({ reason }) => {
    setWriting(false)
    showEnd(ENDS[reason])
  })
  // Only after a loss of the log, or an absence that is longer than the log: what follows is the newest of it.
  run.on('reset', clear)
  run.on('left', () => showEnd('There is no such answer.'))
  run.on('state', (state) => {
    if (state === 'live' && prompt.textContent === '') showEnd('This answer is not kept any more.')
  })
}

function clear() {
  for (const element of [prompt, answer, end]) element.textContent = ''
  setWriting(false)
}

/** @param {boolean} isWriting */
function setWriting(isWriting) {
  answer.toggleAttribute('data-writing', isWriting)
  stop.hidden = !isWriting
  ask.hidden = isWriting
}

/** @param {string} text */
function showEnd(text) {
  end.textContent = text
}

function showConnection() {
  const { state } = client
  connection.textContent =
    state.status === 'open' ? `connected by ${TRANSPORTS[state.transport ?? 'websocket']}` : state.status
  connection.dataset.connection = state.status
}

/** @param {string} name @returns {HTMLElement} */
function find(name) {
  return /** @type {HTMLElement} */ (document.querySelector(`[data-${name}]`))
}
