// Who the visitor is. The name is kept in this browser, and told to the server: a server that was started anew knows
// nobody.

import { callMe, myName, RefusedError } from './api.js'
import { element } from './dom.js'

const KEY = 'tideway-chat-name'

/** The name that the visitor has chosen; `""` for a guest. */
export function chosenName() {
  return localStorage.getItem(KEY) ?? ''
}

/**
 * Makes sure that the server calls the visitor by the chosen name, and returns it. Called before each connection,
 * because a connection has the name that its handshake was made with.
 */
export async function settleName() {
  const chosen = chosenName()
  if ((await myName()) === chosen) return chosen
  try {
    return keep(await callMe(chosen))
  } catch (error) {
    if (error instanceof RefusedError) return keep(await callMe(''))
    throw error
  }
}

/** @param {string} name */
function keep(name) {
  localStorage.setItem(KEY, name)
  show()
  return name
}

/** What the page calls somebody. @param {string} name */
export function displayName(name) {
  return name === '' ? 'guest' : name
}

/** A colour for a name, the same on every page: a hue in degrees. @param {string} name */
export function hueOf(name) {
  let hash = 0
  for (const character of name) hash = (hash * 31 + /** @type {number} */ (character.codePointAt(0))) % 3600
  return (hash * 7) % 360
}

/** @param {string} name */
function initialOf(name) {
  const [first] = new Intl.Segmenter().segment(name)
  return (first?.segment ?? '').toUpperCase()
}

/** The sign of a name. @param {string} name */
export function avatar(name) {
  const sign = element('span', { class: 'avatar', 'aria-hidden': 'true' })
  paint(sign, name)
  return sign
}

/** @param {HTMLElement} sign @param {string} name */
function paint(sign, name) {
  sign.textContent = initialOf(displayName(name))
  sign.classList.toggle('anonymous', name === '')
  sign.style.setProperty('--hue', String(hueOf(name)))
}

function show() {
  const name = chosenName()
  for (const node of document.querySelectorAll('[data-my-name]')) node.textContent = displayName(name)
  for (const sign of document.querySelectorAll('[data-avatar]')) if (sign instanceof HTMLElement) paint(sign, name)
}

/**
 * Shows the name wherever the page has a place for it, and lets the visitor change it.
 *
 * @param {() => void} onChange the name was changed, here or in another tab
 */
export function introduce(onChange) {
  show()
  addEventListener('storage', ({ key }) => {
    if (key !== KEY) return
    show()
    onChange()
  })
  const ask = nameDialog(onChange)
  for (const button of document.querySelectorAll('[data-me]')) button.addEventListener('click', ask)
}

/** @param {() => void} onChange */
function nameDialog(onChange) {
  const input = element('input', {
    id: 'my-name',
    type: 'text',
    maxlength: '32',
    autocomplete: 'nickname',
    placeholder: 'guest',
    'aria-describedby': 'name-help',
  })
  const help = element('p', { id: 'name-help', class: 'help', role: 'status' })
  const cancel = element('button', { type: 'button' }, 'Cancel')
  const form = element(
    'form',
    { method: 'dialog', novalidate: '' },
    element('h2', { id: 'name-title' }, 'What should others call you?'),
    element('label', { for: 'my-name' }, 'Name'),
    input,
    help,
    element('div', { class: 'dialog-buttons' }, cancel, element('button', { class: 'primary' }, 'Save')),
  )
  const dialog = element('dialog', { class: 'name-dialog', 'aria-labelledby': 'name-title' }, form)
  document.body.append(dialog)

  /** @param {string} text @param {boolean} [isProblem] */
  function say(text, isProblem = false) {
    help.textContent = text
    help.classList.toggle('problem', isProblem)
    input.setAttribute('aria-invalid', String(isProblem))
  }

  cancel.addEventListener('click', () => dialog.close())
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    void save()
  })

  async function save() {
    const before = chosenName()
    try {
      const name = keep(await callMe(input.value))
      dialog.close()
      if (name !== before) onChange()
    } catch (error) {
      say(error instanceof RefusedError ? error.message : 'The server does not answer. Try again in a moment.', true)
      input.focus()
    }
  }

  return () => {
    input.value = chosenName()
    say('Leave it empty to be a guest.')
    dialog.showModal()
    input.select()
  }
}
