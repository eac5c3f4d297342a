// Presence and typing notifications.

import { element, find } from './dom.js'
import { avatar, displayName, isMe } from './me.js'
import { t } from './words.js'

/** The time without a typing notification after which a person has stopped. */
const TYPING_FOR_MS = 4000

const button = find('data-people')
const list = find('data-people-list')

/** The connection is lost, so the number is unknown. */
export function forgetPeople() {
  button.classList.add('unknown')
  for (const name of writers.keys()) stop(name)
}

/** @param {ReadonlyMap<string, { name: string, guest?: number | undefined }>} people @param {number} count also those who are not listed */
export function showPeople(people, count) {
  button.classList.remove('unknown')
  const all = [...people.values()]
  const names = [...new Set(all.map(({ name }) => name))].filter((name) => name !== '').sort()
  const numbers = all
    .flatMap(({ name, guest }) => (name === '' && guest !== undefined ? [guest] : []))
    .sort((a, b) => a - b)
  const others = count - names.length - numbers.length
  button.textContent = count <= 1 ? t('Only you') : t('{count} people here', { count })
  list.replaceChildren(
    ...names.map((name) => row(name)),
    ...numbers.map((number) => row('', number)),
    ...(others > 0
      ? [element('li', {}, avatar(''), others === 1 ? t('1 guest') : t('{count} guests', { count: others }))]
      : []),
  )
}

/** @param {string} name @param {number} [guest] */
function row(name, guest) {
  const label = element('span', { class: 'me-name', dir: 'auto' }, displayName(name, guest))
  const note = isMe(name, guest) ? [' ', element('span', { class: 'note' }, t('you'))] : []
  return element('li', {}, avatar(name, guest), label, ...note)
}

/** The typing timeout of each writer, by displayed name. @type {Map<string, ReturnType<typeof setTimeout>>} */
const writers = new Map()

/** @param {{ user: string, guest?: number | undefined }} writer */
export function showTyping({ user, guest }) {
  const name = displayName(user, guest)
  clearTimeout(writers.get(name))
  writers.set(
    name,
    setTimeout(() => stop(name), TYPING_FOR_MS),
  )
  say()
}

/** The message of the writer has arrived. @param {{ user: string, guest?: number | undefined }} writer */
export function stopTyping({ user, guest }) {
  stop(displayName(user, guest))
}

/** @param {string} name */
function stop(name) {
  clearTimeout(writers.get(name))
  writers.delete(name)
  say()
}

function say() {
  const names = [...writers.keys()]
  const [name = '', other = ''] = names
  const texts = [
    '',
    t('{name} is writing…', { name }),
    t('{name} and {other} are writing…', { name, other }),
    t('Several people are writing…'),
  ]
  find('data-typing').textContent = texts[Math.min(names.length, 3)] ?? ''
}
