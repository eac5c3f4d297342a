import { find, startIn } from './dom.js'
import { beGuest, introduce, LoggedOutError, settleName } from './me.js'
import { watchRooms } from './room-list.js'

/** As the server has it. */
const ROOM_NAME = /^[\p{L}\p{M}\p{N}_-]{1,40}$/u

introduce(() => void settle())
void settle()

async function settle() {
  try {
    await settleName()
  } catch (error) {
    // Without an answer the list of rooms shows the problem.
    if (error instanceof LoggedOutError) beGuest()
  }
}

const list = find('data-rooms')
watchRooms(list, {
  onLook(rooms) {
    find('data-rooms-unknown').hidden = rooms !== undefined
    if (rooms === undefined) return
    list.hidden = rooms.length === 0
    find('data-no-rooms').hidden = rooms.length > 0
  },
})

/** @type {HTMLFormElement} */
const form = find('data-open-room')
/** @type {HTMLInputElement} */
const input = find('data-room-input')
const help = find('data-room-help')
startIn(input)

form.addEventListener('submit', (event) => {
  event.preventDefault()
  // People type spaces: "Team lunch" becomes a valid name with a hyphen.
  const name = input.value.trim().normalize('NFC').replace(/\s+/g, '_')
  if (ROOM_NAME.test(name)) {
    location.assign(`/rooms/${encodeURIComponent(name)}`)
    return
  }
  help.textContent = name === '' ? 'Which room? Type its name.' : 'Only letters, digits, hyphens and underscores.'
  help.classList.add('problem')
  input.setAttribute('aria-invalid', 'true')
  input.focus()
})

input.addEventListener('input', () => {
  help.textContent = 'Letters of any language, digits, hyphens and underscores.'
  help.classList.remove('problem')
  input.removeAttribute('aria-invalid')
})
