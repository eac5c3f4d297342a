// Who is here, and who is writing.

import { element, find } from './dom.js'
import { avatar, chosenName } from './me.js'

/** Somebody who has said nothing of it for so long has stopped. */
const TYPING_FOR_MS = 4000

const button = find('data-people')
const list = find('data-people-list')

/** The connection is lost: nobody knows. */
export function forgetPeople() {
  button.classList.add('unknown')
  for (const name of writers.keys()) stopTyping(name)
}

/** @param {{ names: readonly string[], guests: number }} people */
export function showPeople(people) {
  button.classList.remove('unknown')
  const { names, guests } = people
  const count = names.length + guests
  button.textContent = count <= 1 ? 'Only you' : `${count} people here`
  list.replaceChildren(
    ...names.map((name) =>
      element('li', {}, avatar(name), element('span', { class: 'me-name', dir: 'auto' }, name), ...mine(name)),
    ),
    ...(guests > 0 ? [element('li', {}, avatar(''), guests === 1 ? '1 guest' : `${guests} guests`)] : []),
  )
}

/** @param {string} name */
function mine(name) {
  return name === chosenName() ? [' ', element('span', { class: 'note' }, 'you')] : []
}

/** Until when somebody is taken to write, by name. @type {Map<string, ReturnType<typeof setTimeout>>} */
const writers = new Map()

/** @param {string} user */
export function showTyping(user) {
  clearTimeout(writers.get(user))
  writers.set(
    user,
    setTimeout(() => stopTyping(user), TYPING_FOR_MS),
  )
  say()
}

/** What somebody was writing is here, or never will be. @param {string} user */
export function stopTyping(user) {
  clearTimeout(writers.get(user))
  writers.delete(user)
  say()
}

function say() {
  const names = [...writers.keys()].map((name) => (name === '' ? 'A guest' : name))
  const who = names.length > 2 ? 'Several people' : names.join(' and ')
  find('data-typing').textContent = who && `${who} ${names.length > 1 ? 'are' : 'is'} writing…`
}
