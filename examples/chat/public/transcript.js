// The messages that this page shows.

import { element } from './dom.js'
import { isEmoji, linkify } from './linkify.js'
import { avatar, displayName } from './me.js'
import { locale, t } from './words.js'

/** The maximum number of lines on the page; the server stores no more per room. */
const SHOWN = 1000
/** Messages of one person within this time share one name line. */
const TOGETHER_MS = 5 * 60_000
/** The distance within which the reader counts as being at the end, or at the top. */
const NEAR_PX = 60
const NEAR_TOP_PX = 240

const clock = new Intl.DateTimeFormat(locale(), { hour: 'numeric', minute: '2-digit' })
const calendar = new Intl.DateTimeFormat(locale(), { weekday: 'long', day: 'numeric', month: 'long' })
const full = new Intl.DateTimeFormat(locale(), { dateStyle: 'full', timeStyle: 'medium' })

/** The number of messages in a page of the archive. */
const PAGE = 50

/** @typedef {import('./connection.js').Said} Said */
/** A message of the archive, with the number of the one before it. @typedef {Said & { previous?: number }} Kept */
/** A message, or a line of the page's own. @typedef {{ said?: Said, content?: string | HTMLElement, nodes: HTMLElement[] }} Line */

/** The time of day. @param {number} at */
export function timeOfDay(at) {
  return clock.format(at)
}

export class Transcript {
  #log
  #list
  #newer
  #older
  #askOlder
  #onSeen
  /** @type {Line[]} */
  #lines = []
  #hasOlder = false
  #isAsking = false
  #unseen = 0
  #atEnd = true
  /** The numbers of the shown messages, and the largest one. @type {Set<number>} */
  #shown = new Set()
  #newest = 0
  /** The newest number that the reader has seen. Infinity before the first visit: there is nothing that the reader has missed. */
  #seen
  /** The first message since then, below the line "New messages". @type {Line | undefined} */
  #firstUnread
  /** A line that waits for the messages of its time. @type {{ content: string | HTMLElement, at: number } | undefined} */
  #tooOld

  /**
   * @param {object} parts
   * @param {HTMLElement} parts.log the scrolling element
   * @param {HTMLElement} parts.list the list in it
   * @param {HTMLElement} parts.newer the button that leads to the end
   * @param {HTMLElement} parts.older the button at the top, for older messages
   * @param {(before: number) => Promise<readonly Kept[]>} parts.askOlder
   * @param {number | undefined} parts.seen the newest message of the last visit
   * @param {(number: number) => void} parts.onSeen
   */
  constructor({ log, list, newer, older, askOlder, seen = Infinity, onSeen }) {
    this.#log = log
    this.#list = list
    this.#newer = newer
    this.#older = older
    this.#askOlder = askOlder
    this.#seen = seen
    this.#onSeen = onSeen
    log.addEventListener('scroll', () => this.#look(), { passive: true })
    newer.addEventListener('click', () => this.toEnd())
    older.addEventListener('click', () => void this.#goBack())
    document.addEventListener('visibilitychange', () => {
      // The line marks what comes during this absence.
      if (document.hidden && this.#atEnd) this.markRead()
      else this.#look()
    })
    // If a phone's keyboard opens or the field grows, a reader at the end stays at the end.
    new ResizeObserver(() => this.#atEnd && this.toEnd()).observe(log)
  }

  get isEmpty() {
    return this.#lines.length === 0
  }

  /** @param {Said} said */
  add(said) {
    if (!this.#put(said, document.hidden || !this.#atEnd)) return
    if (isOwn(said)) this.markRead()
    this.follow({ isOwn: isOwn(said), unseen: 1 })
  }

  /**
   * Shows the newest messages of the archive. Begins again with them if messages before them are missing, or if it is another archive.
   * @param {readonly Kept[]} messages
   */
  showNewest(messages) {
    const isOther = (messages.at(-1)?.number ?? 0) < this.#newest
    if (isOther || (messages[0]?.previous ?? 0) > this.#newest || this.#newest === 0) {
      this.#lines = []
      this.#shown.clear()
      this.#newest = 0
      if (isOther) this.#seen = Infinity
      this.#list.replaceChildren()
      this.#offerOlder(hasOlder(messages))
    }
    // A batch is history: a screen reader must not announce it as new.
    this.#log.setAttribute('aria-busy', 'true')
    const added = messages.filter((said) => this.#put(said, (said.number ?? 0) > this.#seen))
    this.#log.removeAttribute('aria-busy')
    this.follow({ isOwn: added.some(isOwn), unseen: added.length })
  }

  /** A line of the page's own. @param {string | HTMLElement} content */
  notice(content) {
    this.#append({ content, nodes: [] })
    this.follow()
  }

  /** A line of the page's own among the messages of its time. @param {string | HTMLElement} content @param {number} at */
  insert(content, at) {
    const index = this.#lines.findIndex(({ said }) => said !== undefined && said.at > at)
    const next = this.#lines[index]
    if (next === undefined) {
      this.notice(content)
    } else if (index === 0 && this.#hasOlder) {
      // It belongs above the loaded messages, so it appears with the older ones.
      this.#tooOld = { content, at }
    } else {
      this.#insertAt(index, { content, nodes: [] })
      this.follow()
    }
  }

  /** Removes the line "New messages". */
  markRead() {
    for (const node of this.#firstUnread?.nodes ?? []) if (node.matches('.new')) node.remove()
    this.#firstUnread = undefined
  }

  toEnd() {
    this.#log.scrollTop = this.#log.scrollHeight
    this.#look()
  }

  /** Scrolls to a new line if the reader is at the end; otherwise shows the button. */
  follow({ isOwn = false, unseen = 0 } = {}) {
    if (isOwn || this.#atEnd) {
      this.toEnd()
      return
    }
    this.#unseen += unseen
    if (this.#unseen === 0) return
    this.#newer.hidden = false
    this.#newer.textContent =
      this.#unseen === 1 ? t('1 new message') : t('{count} new messages', { count: this.#unseen })
  }

  /** Returns `false` if the message is shown already. @param {Said} said @param {boolean} isUnread */
  #put(said, isUnread) {
    const number = said.number ?? undefined
    if (number !== undefined && this.#shown.has(number)) return false
    const line = { said, nodes: [] }
    if (isUnread && !isOwn(said)) this.#firstUnread ??= line
    // Two processes may publish in another order than they stored.
    const isLate = number !== undefined && number < this.#newest
    const index = isLate ? this.#lines.findIndex(({ said: other }) => (other?.number ?? 0) > number) : -1
    if (index === -1) this.#append(line)
    else this.#insertAt(index, line)
    if (number !== undefined) {
      this.#shown.add(number)
      this.#newest = Math.max(this.#newest, number)
    }
    return true
  }

  /** @param {number} index @param {Line} line */
  #insertAt(index, line) {
    const [first] = this.#lines[index]?.nodes ?? []
    this.#lines.splice(index, 0, line)
    this.#draw(index)
    first?.before(...line.nodes)
    this.#redraw(index + 1)
  }

  /** @param {Line} line */
  #append(line) {
    this.#lines.push(line)
    this.#draw(this.#lines.length - 1)
    this.#list.append(...line.nodes)
    if (this.#lines.length <= SHOWN || !this.#atEnd) return
    const dropped = this.#lines.shift()
    for (const node of dropped?.nodes ?? []) node.remove()
    this.#shown.delete(dropped?.said?.number ?? 0)
    this.#redraw(0)
    this.#offerOlder(true)
  }

  async #goBack() {
    const first = this.#lines.find(({ said }) => said?.number)?.said?.number
    if (this.#isAsking || !first) return
    this.#isAsking = true
    try {
      const messages = await this.#askOlder(first)
      this.#prepend(messages.filter(({ number }) => number !== null && !this.#shown.has(number)))
      this.#offerOlder(hasOlder(messages))
      const tooOld = this.#tooOld
      this.#tooOld = undefined
      if (tooOld !== undefined) this.insert(tooOld.content, tooOld.at)
    } catch {
      // No answer: the button stays.
    } finally {
      this.#isAsking = false
    }
  }

  /** @param {readonly Said[]} messages */
  #prepend(messages) {
    const fromEnd = this.#log.scrollHeight - this.#log.scrollTop
    this.#log.setAttribute('aria-busy', 'true')
    /** @type {Line[]} */
    const lines = messages.map((said) => ({ said, nodes: [] }))
    for (const { number } of messages) this.#shown.add(number ?? 0)
    this.#lines.unshift(...lines)
    lines.forEach((_line, index) => this.#draw(index))
    this.#list.prepend(...lines.flatMap(({ nodes }) => nodes))
    // The old first line now has a predecessor.
    this.#redraw(lines.length)
    this.#log.removeAttribute('aria-busy')
    this.#log.scrollTop = this.#log.scrollHeight - fromEnd
  }

  /** @param {boolean} hasOlder */
  #offerOlder(hasOlder) {
    this.#hasOlder = hasOlder
    this.#older.hidden = !hasOlder
  }

  /** Creates the nodes of a line, which depend on the previous line. @param {number} index */
  #draw(index) {
    const line = /** @type {Line} */ (this.#lines[index])
    const { said, content = '' } = line
    if (said === undefined) {
      line.nodes = [element('li', { class: 'notice' }, content)]
      return
    }
    const last = this.#lines[index - 1]?.said
    const lastDay = last ?? this.#lines.findLast((line, at) => at < index && line.said)?.said
    const isNewDay = lastDay === undefined || !isSameDay(lastDay.at, said.at)
    const continues =
      !isNewDay &&
      line !== this.#firstUnread &&
      last !== undefined &&
      last.user === said.user &&
      last.guest === said.guest &&
      isOwn(last) === isOwn(said) &&
      said.at - last.at < TOGETHER_MS
    line.nodes = [
      ...(isNewDay ? [day(said.at)] : []),
      ...(line === this.#firstUnread ? [unreadMark()] : []),
      item(said, continues),
    ]
  }

  /** @param {number} index */
  #redraw(index) {
    const line = this.#lines[index]
    if (line === undefined) return
    const [first, ...others] = line.nodes
    this.#draw(index)
    first?.replaceWith(...line.nodes)
    for (const node of others) node.remove()
  }

  #look() {
    const { scrollTop, scrollHeight, clientHeight } = this.#log
    this.#atEnd = scrollHeight - scrollTop - clientHeight < NEAR_PX
    if (this.#hasOlder && scrollTop < NEAR_TOP_PX && !this.#atEnd) void this.#goBack()
    if (!this.#atEnd) return
    this.#unseen = 0
    this.#newer.hidden = true
    if (document.hidden || this.#newest === 0 || this.#seen === this.#newest) return
    this.#seen = this.#newest
    this.#onSeen(this.#newest)
  }
}

/** Whether the archive has messages before these. @param {readonly Kept[]} messages */
function hasOlder(messages) {
  return messages.length === PAGE && (messages[0]?.previous ?? 0) > 0
}

/** @param {Said} said */
export function isOwn({ key }) {
  return key !== undefined
}

/** @param {number} a @param {number} b */
function isSameDay(a, b) {
  return new Date(a).toDateString() === new Date(b).toDateString()
}

/** @param {number} at */
function day(at) {
  return element('li', { class: 'divider' }, element('span', {}, calendar.format(at)))
}

function unreadMark() {
  return element('li', { class: 'divider new' }, element('span', {}, t('New messages')))
}

/** @param {Said} said @param {boolean} continues whether it stands below another message of the person */
function item(said, continues) {
  const { user, guest, message, at } = said
  const own = isOwn(said)
  const who = own ? t('You') : displayName(user, guest)
  const time = element('time', { datetime: new Date(at).toISOString(), title: full.format(at) }, timeOfDay(at))
  // Beside a further message, the time appears under the pointer.
  if (continues) time.setAttribute('aria-hidden', 'true')
  const head = continues
    ? element('p', { class: 'visually-hidden' }, who)
    : element('p', { class: 'head' }, element('span', { class: 'who', dir: 'auto' }, who), ' ', time)
  return element(
    'li',
    { class: `message ${own ? 'own' : 'other'} ${continues ? 'continues' : ''}` },
    continues ? time : avatar(user, guest),
    element('div', { class: 'said' }, head, messageText(message)),
  )
}

/** The text of a message, with its links. @param {string} message */
export function messageText(message) {
  return element('p', { class: isEmoji(message) ? 'text emoji' : 'text', dir: 'auto' }, ...linkify(message))
}
