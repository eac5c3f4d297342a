// The lists of rooms: those that this browser has visited, and others that are open now.

import { openRooms } from './api.js'
import { element } from './dom.js'
import { recentRooms } from './recent-rooms.js'
import { t } from './words.js'

const LOOK_EVERY_MS = 3000

/** @typedef {import('./api.js').Room} Room */

/**
 * Refreshes the lists periodically while the page is visible. A list without rooms is hidden with its heading.
 *
 * @param {{ recent: HTMLElement, open: HTMLElement }} lists
 * @param {object} [options]
 * @param {string} [options.current] the room that the page shows
 * @param {(isKnown: boolean) => void} [options.onLook] called after each answer; `false` if the server does not answer
 * @returns {{ look: () => void, count: (people: number | undefined) => void }} `look` refreshes now; `count` sets the number of
 *   people in the current room, which its connection has before the list
 */
export function watchRooms(lists, { current, onLook = () => {} } = {}) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer
  let shown = ''
  /** @type {readonly Room[]} */
  let listed = []
  /** @type {number | undefined} */
  let counted

  async function look() {
    clearTimeout(timer)
    const rooms = await openRooms(recentRooms().map(({ name }) => name)).catch(() => undefined)
    for (const list of Object.values(lists)) list.classList.toggle('stale', rooms === undefined)
    listed = rooms ?? listed
    show()
    onLook(rooms !== undefined)
    clearTimeout(timer)
    if (!document.hidden) timer = setTimeout(() => void look(), LOOK_EVERY_MS)
  }

  function show() {
    const rooms = new Map(listed.map((room) => [room.name, room]))
    if (current !== undefined && counted !== undefined)
      rooms.set(current, { name: current, people: counted, newest: 0 })
    const recent = recentRooms().map(({ name, seen }) => {
      const { people, newest } = rooms.get(name) ?? { people: 0, newest: 0 }
      rooms.delete(name)
      return { name, people, isUnread: name !== current && newest > seen }
    })
    const open = [...rooms.values()].map(({ name, people }) => ({ name, people, isUnread: false }))
    const text = JSON.stringify([recent, open])
    // New elements would lose the focus of an old one.
    if (text === shown) return
    shown = text
    const focused = document.activeElement?.getAttribute('href')
    fill(lists.recent, recent)
    fill(lists.open, open)
    if (focused?.startsWith('/rooms/')) {
      for (const link of document.querySelectorAll('.rooms a')) {
        if (link instanceof HTMLElement && link.getAttribute('href') === focused) link.focus()
      }
    }
  }

  /** @param {HTMLElement} list @param {readonly { name: string, people: number, isUnread: boolean }[]} rooms */
  function fill(list, rooms) {
    list.replaceChildren(...rooms.map((room) => item(room, current)))
    const section = list.closest('section')
    if (section !== null) section.hidden = rooms.length === 0
  }

  document.addEventListener('visibilitychange', () => {
    if (!document.hidden) void look()
  })
  show()
  void look()
  return {
    look: () => void look(),
    count(people) {
      counted = people
      show()
    },
  }
}

/** @param {{ name: string, people: number, isUnread: boolean }} room @param {string | undefined} current */
function item({ name, people, isUnread }, current) {
  const link = element(
    'a',
    { href: `/rooms/${encodeURIComponent(name)}`, class: isUnread ? 'unread' : '' },
    element('span', { class: 'room-name', title: name, dir: 'auto' }, name),
    ...(isUnread ? [' ', element('span', { class: 'visually-hidden' }, t('New messages'))] : []),
    ' ',
    element('span', { class: 'room-people' }, headCount(people)),
  )
  if (name === current) link.setAttribute('aria-current', 'page')
  return element('li', {}, link)
}

/** @param {number} people */
function headCount(people) {
  if (people === 0) return ''
  return people === 1 ? t('1 person') : t('{count} people', { count: people })
}
