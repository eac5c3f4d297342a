// Presence and typing notifications.

import { element, find } from './dom.js'
import { avatar, chosenName, displayName } from './me.js'
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

/** @param {ReadonlyMap<string, { name: string }>} people @param {number} count also those who are not listed */
export function showPeople(people, count) {
  button.classList.remove('unknown')
  const names = [...new Set([...people.values()].map(({ name }) => name))].filter((name) => name !== '').sort()
  const guests = count - names.length
  button.textContent = count <= 1 ? t('Only you') : t('{count} people here', { count })
  list.replaceChildren(
    ...names.map((name) =>
      element('li', {}, avatar(name), element('span', { class: 'me-name', dir: 'auto' }, name), ...mine(name)),
    ),
    ...(guests > 0
      ? [element('li', {}, avatar(''), guests === 1 ? t('1 guest') : t('{count} guests', { count: guests }))]
      : []),
  )
}

/** @param {string} name */
function mine(name) {
  return name === chosenName() ? [' ', element('span', { class: 'note' }, t('you'))] : []
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
