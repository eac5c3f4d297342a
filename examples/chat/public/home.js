import { find, startIn } from './dom.js'
import { beGuest, introduce, LoggedOutError, settleName } from './me.js'
import { watchRooms } from './room-list.js'
import { offerOtherLanguage, t } from './words.js'

/** As the server has it. */
const ROOM_NAME = /^[\p{L}\p{M}\p{N}_-]{1,40}$/u

offerOtherLanguage(find('data-language'))
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

const lists = { recent: find('data-recent-rooms'), open: find('data-rooms') }
watchRooms(lists, {
  onLook(isKnown) {
    find('data-rooms-unknown').hidden = isKnown
    if (isKnown) find('data-no-rooms').hidden = lists.recent.children.length + lists.open.children.length > 0
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
  help.textContent = name === '' ? t('Which room? Type its name.') : t('Only letters, digits, hyphens and underscores.')
  help.classList.add('problem')
  input.setAttribute('aria-invalid', 'true')
  input.focus()
})

input.addEventListener('input', () => {
  help.textContent = t('Letters of any language, digits, hyphens and underscores.')
  help.classList.remove('problem')
  input.removeAttribute('aria-invalid')
})
