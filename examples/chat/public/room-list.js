// The list of rooms that are open now, kept up to date.

import { openRooms } from './api.js'
import { element } from './dom.js'

const LOOK_EVERY_MS = 3000

/** @typedef {import('./api.js').Room} Room */

/**
 * Refreshes the list periodically while the page is visible.
 *
 * @param {HTMLElement} list
 * @param {object} options
 * @param {string} [options.current] the room that the page shows
 * @param {(rooms: readonly Room[] | undefined) => void} options.onLook called with the rooms; `undefined` if the server
 *   does not answer
 * @returns {{ look: () => void, count: (people: number | undefined) => void }} `look` refreshes now; `count` sets the number of
 *   people in the current room, which its connection has before the list
 */
export function watchRooms(list, { current, onLook }) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer
  let shown = ''
  /** @type {readonly Room[]} */
  let listed = []
  /** @type {number | undefined} */
  let counted

  async function look() {
    clearTimeout(timer)
    const rooms = await openRooms().catch(() => undefined)
    list.classList.toggle('stale', rooms === undefined)
    listed = rooms ?? listed
    show()
    onLook(rooms)
    clearTimeout(timer)
    if (!document.hidden) timer = setTimeout(() => void look(), LOOK_EVERY_MS)
  }

  function show() {
    const others = listed.filter(({ name }) => name !== current)
    const own = counted !== undefined && current !== undefined ? { name: current, people: counted } : undefined
    const rooms = own ? [...others, own].sort(byPeople) : listed
    const text = JSON.stringify(rooms)
    // New elements would lose the focus of an old one.
    if (text === shown) return
    shown = text
    const focused = document.activeElement?.getAttribute('href')
    list.replaceChildren(...rooms.map((room) => item(room, current)))
    if (focused) list.querySelectorAll('a').forEach((link) => link.getAttribute('href') === focused && link.focus())
  }

  document.addEventListener('visibilitychange', () => {
    if (!document.hidden) void look()
  })
  void look()
  return {
    look: () => void look(),
    count(people) {
      counted = people
      show()
    },
  }
}

/** In the order of the server. @param {Room} a @param {Room} b */
function byPeople(a, b) {
  return b.people - a.people || (a.name < b.name ? -1 : 1)
}

/** Returns the number of people as text. @param {number} people */
export function headCount(people) {
  return people === 1 ? '1 person' : `${people} people`
}

/** @param {Room} room @param {string | undefined} current */
function item({ name, people }, current) {
  const link = element(
    'a',
    { href: `/rooms/${encodeURIComponent(name)}` },
    element('span', { class: 'room-name', title: name }, name),
    ' ',
    element('span', { class: 'room-people' }, headCount(people)),
  )
  if (name === current) link.setAttribute('aria-current', 'page')
  return element('li', {}, link)
}
