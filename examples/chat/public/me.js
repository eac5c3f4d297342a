// The visitor: a user with an account, or a guest with or without a name. This browser stores it, and sends a
// guest's name to the server, which deletes guests sooner.

import { callMe, logIn, logOut, RefusedError, signUp, whoAmI } from './api.js'
import { element } from './dom.js'
import { offerOtherLanguage, t } from './words.js'

const NAME_KEY = 'tideway-chat-name'
const ACCOUNT_KEY = 'tideway-chat-account'

/** @typedef {import('./api.js').Visitor} Visitor */

/** Whether the visitor has an account, by the last answer to this tab. */
let wasSomebody = hasAccount()
/** The number of this guest, once the room has answered with it. @type {number | undefined} */
let myNumber

/** The visitor was logged in here, and is logged out now. */
export class LoggedOutError extends Error {}

/** The name that the visitor has chosen; `""` for a guest without one. */
export function chosenName() {
  return localStorage.getItem(NAME_KEY) ?? ''
}

/** Whether the visitor has this name, or this number of a guest. @param {string} name @param {number} [guest] */
export function isMe(name, guest) {
  return name === chosenName() && (name !== '' || guest === myNumber)
}

function hasAccount() {
  return localStorage.getItem(ACCOUNT_KEY) !== null
}

/**
 * Makes the server use the chosen name of the visitor, and returns it. Called before each connection,
 * because a connection keeps the name of its handshake. Throws a {@link LoggedOutError}: a
 * user who was logged in must confirm before continuing as a guest.
 */
export async function settleName() {
  const known = await whoAmI()
  if (known.hasAccount) return keep(known)
  if (hasAccount()) throw new LoggedOutError()
  const chosen = chosenName()
  if (known.name === chosen) return chosen
  try {
    return keep(await callMe(chosen))
  } catch (error) {
    if (error instanceof RefusedError) return keep(await callMe(''))
    throw error
  }
}

/** Continues as a guest without a name after a logout. */
export function beGuest() {
  keep({ name: '' })
}

/** @param {Visitor} visitor @param {boolean} [isNew] whether the visitor has just chosen it, so that the other tabs must update */
function keep({ name, hasAccount: has = false }, isNew = false) {
  wasSomebody = has
  localStorage.setItem(NAME_KEY, name)
  if (!has) localStorage.removeItem(ACCOUNT_KEY)
  // Another value each time, because tabs get an event only for changes: also for a second login of the same person.
  else if (isNew || !hasAccount()) localStorage.setItem(ACCOUNT_KEY, `since ${Date.now()}`)
  show()
  return name
}

/** Returns the displayed name of a person. @param {string} name @param {number} [guest] distinguishes guests without a name */
export function displayName(name, guest) {
  if (name !== '') return name
  return guest === undefined ? t('guest') : t('guest {number}', { number: guest })
}

/** Returns a color for a name, the same on every page: a hue in degrees. @param {string} name */
function hueOf(name) {
  let hash = 0
  for (const character of name) hash = (hash * 31 + /** @type {number} */ (character.codePointAt(0))) % 3600
  return (hash * 7) % 360
}

/** @param {string} name */
function initialOf(name) {
  const [first] = new Intl.Segmenter().segment(name)
  return (first?.segment ?? '').toUpperCase()
}

/** Returns the avatar of a person: the initial of the name, or the number of a guest. @param {string} name @param {number} [guest] */
export function avatar(name, guest) {
  const sign = element('span', { class: 'avatar', 'aria-hidden': 'true' })
  paint(sign, name, guest)
  return sign
}

/** @param {HTMLElement} sign @param {string} name @param {number} [guest] */
function paint(sign, name, guest) {
  const isNumber = name === '' && guest !== undefined
  sign.textContent = isNumber ? String(guest) : initialOf(displayName(name))
  sign.classList.toggle('anonymous', name === '' && !isNumber)
  sign.classList.toggle('number', isNumber)
  sign.style.setProperty('--hue', String(hueOf(isNumber ? `guest ${guest}` : name)))
}

/** Shows the number by which others distinguish this guest. @param {number | undefined} number */
export function showNumber(number) {
  myNumber = number
  show()
}

function show() {
  const name = chosenName()
  for (const node of document.querySelectorAll('[data-my-name]')) node.textContent = displayName(name, myNumber)
  for (const node of document.querySelectorAll('[data-my-action]'))
    node.textContent = hasAccount() ? t(', your account') : t(', change your name')
  for (const sign of document.querySelectorAll('[data-avatar]'))
    if (sign instanceof HTMLElement) paint(sign, name, myNumber)
}

/**
 * Shows the name in each of its elements, and lets the visitor change it, log in and log out.
 *
 * @param {() => void} onChange called when the visitor changes, in this tab or another one
 * @returns {{ askToLogIn: () => void }}
 */
export function introduce(onChange) {
  show()
  addEventListener('storage', ({ key }) => {
    if (key !== NAME_KEY && key !== ACCOUNT_KEY) return
    show()
    // The server closes the connections of a logged-out user, and each tab asks how to continue.
    const isLoggedOut = wasSomebody && !hasAccount()
    wasSomebody = hasAccount()
    if (!isLoggedOut) onChange()
  })
  const open = openDialog(onChange)
  for (const button of document.querySelectorAll('[data-me]')) {
    button.addEventListener('click', () => open(hasAccount() ? 'account' : 'guest'))
  }
  return { askToLogIn: () => open('log in') }
}

/**
 * The views of the dialog.
 *
 * @typedef {'guest' | 'sign up' | 'log in' | 'account'} Face
 * @type {Record<Face, { title: () => string, help: string, submit: string, send: (name: string, password: string) => Promise<Visitor>, others: Face[] }>}
 */
const faces = {
  guest: {
    title: () => t('What should others call you?'),
    help: t('Leave it empty to be a guest.'),
    submit: t('Save'),
    send: (name) => callMe(name),
    others: ['log in', 'sign up'],
  },
  'sign up': {
    title: () => t('Make the name yours'),
    help: t('With a password of 8 characters or more, no one else can use it.'),
    submit: t('Sign up'),
    send: signUp,
    others: ['log in', 'guest'],
  },
  'log in': {
    title: () => t('Welcome back'),
    help: '',
    submit: t('Log in'),
    send: logIn,
    others: ['sign up', 'guest'],
  },
  account: {
    title: () => t('You are {name}', { name: chosenName() }),
    help: t('Logging out closes every tab of yours, on every device.'),
    submit: t('Log out'),
    send: logOut,
    others: [],
  },
}

/** The texts of the links between them. @type {Record<Face, string>} */
const ways = { guest: t('Continue as a guest'), 'sign up': t('Sign up'), 'log in': t('Log in'), account: '' }

/** @param {() => void} onChange @returns {(face: Face) => void} */
function openDialog(onChange) {
  /** @type {Face} */
  let face = 'guest'
  const title = element('h2', { id: 'name-title' })
  const name = element('input', {
    id: 'my-name',
    type: 'text',
    maxlength: '32',
    autocomplete: 'username',
    autocapitalize: 'none',
    spellcheck: 'false',
    'aria-describedby': 'name-help',
  })
  const password = element('input', {
    id: 'my-password',
    type: 'password',
    maxlength: '200',
    'aria-describedby': 'name-help',
  })
  const nameField = element('div', { class: 'field' }, element('label', { for: 'my-name' }, t('Name')), name)
  const passwordField = element(
    'div',
    { class: 'field' },
    element('label', { for: 'my-password' }, t('Password')),
    password,
  )
  const help = element('p', { id: 'name-help', class: 'help', role: 'status' })
  const others = element('p', { class: 'other-ways' })
  // On a phone no other place of a room has it.
  const language = element('button', { type: 'button', class: 'link' })
  offerOtherLanguage(language)
  const cancel = element('button', { type: 'button' }, t('Cancel'))
  const submit = element('button')
  const form = element(
    'form',
    { method: 'dialog', novalidate: '' },
    title,
    nameField,
    passwordField,
    help,
    element('div', { class: 'dialog-buttons' }, cancel, submit),
    others,
    element('p', { class: 'dialog-language' }, language),
  )
  const dialog = element('dialog', { class: 'name-dialog', 'aria-labelledby': 'name-title' }, form)
  document.body.append(dialog)

  /** @param {string} text @param {boolean} [isProblem] */
  function say(text, isProblem = false) {
    help.textContent = text
    help.classList.toggle('problem', isProblem)
    for (const input of [name, password]) input.setAttribute('aria-invalid', String(isProblem))
  }

  /** @param {Face} next */
  function turn(next) {
    face = next
    title.textContent = faces[face].title()
    nameField.hidden = face === 'account'
    passwordField.hidden = face === 'account' || face === 'guest'
    password.value = ''
    password.autocomplete = face === 'sign up' ? 'new-password' : 'current-password'
    name.placeholder = face === 'guest' ? t('guest') : ''
    submit.textContent = faces[face].submit
    submit.className = face === 'account' ? 'danger' : 'primary'
    others.replaceChildren(
      ...faces[face].others.map((other) => {
        const link = element('button', { type: 'button', class: 'link' }, ways[other])
        link.addEventListener('click', () => {
          turn(other)
          name.focus()
        })
        return link
      }),
    )
    say(faces[face].help)
  }

  cancel.addEventListener('click', () => dialog.close())
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    void send()
  })

  async function send() {
    const before = chosenName()
    submit.disabled = true
    try {
      const visitor = await faces[face].send(name.value, password.value)
      // The server closes the connections after a logout, as in all other tabs, and the page asks how to continue.
      if (face !== 'account') keep(visitor, true)
      dialog.close()
      if (face !== 'guest' || visitor.name !== before) onChange()
    } catch (error) {
      say(error instanceof RefusedError ? error.message : t('The server does not answer. Try again in a moment.'), true)
      if (face !== 'guest' && name.value.trim() !== '') password.focus()
      else name.focus()
    } finally {
      submit.disabled = false
    }
  }

  return (face) => {
    turn(face)
    name.value = chosenName()
    dialog.showModal()
    if (face === 'account') cancel.focus()
    else name.select()
  }
}
