// What was said, as this tab has seen it.

import { element } from './dom.js'
import { linkify } from './linkify.js'
import { displayName, hueOf } from './me.js'

/** How many messages the page shows, and how many outlive a reload of this tab. */
const SHOWN = 500
const KEPT = 200
/** Messages of one person within this time stand under one name. */
const TOGETHER_MS = 5 * 60_000
/** Closer to the end than this, the reader is taken to be at the end. */
const NEAR_PX = 60

const clock = new Intl.DateTimeFormat(undefined, { hour: 'numeric', minute: '2-digit' })
const calendar = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long' })
const full = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'medium' })

/** @typedef {{ readonly user: string, readonly message: string, readonly at: number, readonly own: boolean }} Entry */

/** The time of day. @param {number} at */
export function timeOfDay(at) {
  return clock.format(at)
}

export class Transcript {
  #log
  #list
  #newer
  #storageKey
  /** @type {Entry[]} */
  #entries = []
  /** @type {Entry | undefined} */
  #last
  #unseen = 0
  #atEnd = true

  /**
   * @param {object} parts
   * @param {HTMLElement} parts.log what scrolls
   * @param {HTMLElement} parts.list the list in it
   * @param {HTMLElement} parts.newer the button that leads to the end
   * @param {string} parts.storageKey where this tab keeps what it has seen
   */
  constructor({ log, list, newer, storageKey }) {
    this.#log = log
    this.#list = list
    this.#newer = newer
    this.#storageKey = storageKey
    log.addEventListener('scroll', () => this.#look(), { passive: true })
    newer.addEventListener('click', () => this.toEnd())
    // A keyboard that slides in on a phone, a field that grows: who was at the end stays there.
    new ResizeObserver(() => this.#atEnd && this.toEnd()).observe(log)
  }

  get isEmpty() {
    return this.#entries.length === 0
  }

  /** Shows what this tab has seen before it was reloaded. */
  restore() {
    try {
      // Not to be read out as if it was said now.
      this.#log.setAttribute('aria-busy', 'true')
      for (const entry of JSON.parse(sessionStorage.getItem(this.#storageKey) ?? '[]')) this.#show(entry)
      this.toEnd()
    } catch {
      sessionStorage.removeItem(this.#storageKey)
    } finally {
      this.#log.removeAttribute('aria-busy')
    }
  }

  /** @param {Entry} entry */
  add(entry) {
    this.#show(entry)
    try {
      sessionStorage.setItem(this.#storageKey, JSON.stringify(this.#entries.slice(-KEPT)))
    } catch {
      // The storage is full or off: a reload will start with an empty page.
    }
    this.#follow(entry.own)
  }

  /** A line of the page's own. @param {string} text */
  notice(text) {
    this.#last = undefined
    this.#append(element('li', { class: 'notice' }, text))
    this.#follow(false, false)
  }

  /**
   * A message on its way: it stands at the end until it has come back from the room, and is then shown by `add`.
   *
   * @param {string} message
   * @param {(message: string) => void} sendAgain
   */
  addPending(message, sendAgain) {
    const note = element('p', { class: 'delivery' }, 'Sending…')
    const item = element('li', { class: 'message own pending' }, bubble(message), note)
    this.#append(item)
    this.toEnd()
    return {
      message,
      remove: () => item.remove(),
      /** The connection was lost before it came back: perhaps it was sent, perhaps not. */
      doubt: () => {
        const again = element('button', { type: 'button', class: 'link' }, 'Send again')
        again.addEventListener('click', () => {
          item.remove()
          sendAgain(message)
        })
        note.replaceChildren('The connection was lost before this came through. ', again)
        item.classList.add('doubtful')
      },
    }
  }

  toEnd() {
    this.#log.scrollTop = this.#log.scrollHeight
    this.#look()
  }

  /** @param {Entry} entry */
  #show(entry) {
    const { user, message, at, own } = entry
    const last = this.#last
    if (last === undefined ? this.isEmpty : !isSameDay(last.at, at)) this.#append(day(at))
    const continues =
      last !== undefined &&
      last.user === user &&
      last.own === own &&
      at - last.at < TOGETHER_MS &&
      isSameDay(last.at, at)
    this.#append(item(user, message, at, own, continues))
    this.#last = entry
    this.#entries.push(entry)
    if (this.#entries.length > SHOWN) this.#entries.shift()
  }

  /** @param {HTMLElement} node */
  #append(node) {
    this.#list.append(node)
    while (this.#list.childElementCount > SHOWN) this.#list.firstElementChild?.remove()
  }

  /** @param {boolean} own @param {boolean} [counts] */
  #follow(own, counts = true) {
    if (own || this.#atEnd) {
      this.toEnd()
      return
    }
    if (counts) this.#unseen++
    if (this.#unseen === 0) return
    this.#newer.hidden = false
    this.#newer.textContent = this.#unseen === 1 ? '1 new message' : `${this.#unseen} new messages`
  }

  #look() {
    const { scrollTop, scrollHeight, clientHeight } = this.#log
    this.#atEnd = scrollHeight - scrollTop - clientHeight < NEAR_PX
    if (!this.#atEnd) return
    this.#unseen = 0
    this.#newer.hidden = true
  }
}

/** @param {number} a @param {number} b */
function isSameDay(a, b) {
  return new Date(a).toDateString() === new Date(b).toDateString()
}

/** @param {number} at */
function day(at) {
  return element('li', { class: 'notice day' }, calendar.format(at))
}

/** @param {string} user @param {string} message @param {number} at @param {boolean} own @param {boolean} continues */
function item(user, message, at, own, continues) {
  const who = own ? 'You' : displayName(user)
  const head = continues
    ? element('p', { class: 'visually-hidden' }, who)
    : element(
        'p',
        { class: 'head' },
        element('span', { class: own ? 'who visually-hidden' : 'who', dir: 'auto' }, who),
        ' ',
        element('time', { datetime: new Date(at).toISOString() }, timeOfDay(at)),
      )
  const text = bubble(message)
  text.title = full.format(at)
  const classes = [
    'message',
    own ? 'own' : 'other',
    ...(continues ? ['continues'] : []),
    ...(user ? [] : ['anonymous']),
  ]
  const created = element('li', { class: classes.join(' ') }, head, text)
  created.style.setProperty('--hue', String(hueOf(user)))
  return created
}

/** @param {string} message */
function bubble(message) {
  return element('p', { class: 'bubble', dir: 'auto' }, ...linkify(message))
}
