// The messages that this page shows.

import { element } from './dom.js'
import { linkify } from './linkify.js'
import { displayName, hueOf } from './me.js'

/** The maximum number of lines on the page; the server stores no more per room. */
const SHOWN = 1000
/** Messages of one person within this time share one name line. */
const TOGETHER_MS = 5 * 60_000
/** The distance within which the reader counts as being at the end, or at the top. */
const NEAR_PX = 60
const NEAR_TOP_PX = 240

const clock = new Intl.DateTimeFormat(undefined, { hour: 'numeric', minute: '2-digit' })
const calendar = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long' })
const full = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'medium' })

/** @typedef {import('../src/room/protocol.ts').Said} Said */
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
  /** @type {Line[]} */
  #lines = []
  #hasOlder = false
  #isAsking = false
  #unseen = 0
  #atEnd = true
  /** A line that waits for the messages of its time. @type {{ content: string | HTMLElement, at: number } | undefined} */
  #tooOld

  /**
   * @param {object} parts
   * @param {HTMLElement} parts.log the scrolling element
   * @param {HTMLElement} parts.list the list in it
   * @param {HTMLElement} parts.newer the button that leads to the end
   * @param {HTMLElement} parts.older the button at the top, for older messages
   * @param {(before: number) => Promise<{ messages: readonly Said[], hasOlder: boolean }>} parts.askOlder
   */
  constructor({ log, list, newer, older, askOlder }) {
    this.#log = log
    this.#list = list
    this.#newer = newer
    this.#older = older
    this.#askOlder = askOlder
    log.addEventListener('scroll', () => this.#look(), { passive: true })
    newer.addEventListener('click', () => this.toEnd())
    older.addEventListener('click', () => void this.#goBack())
    // If a phone's keyboard opens or the field grows, a reader at the end stays at the end.
    new ResizeObserver(() => this.#atEnd && this.toEnd()).observe(log)
  }

  get isEmpty() {
    return this.#lines.length === 0
  }

  /** @param {readonly Said[]} messages @param {{ hasOlder?: boolean | undefined }} [options] */
  add(messages, { hasOlder } = {}) {
    // A batch is history: a screen reader must not announce it as new.
    if (messages.length > 1) this.#log.setAttribute('aria-busy', 'true')
    for (const said of messages) this.#append({ said, nodes: [] })
    if (hasOlder !== undefined) this.#offerOlder(hasOlder)
    this.#log.removeAttribute('aria-busy')
    this.follow({ isOwn: messages.some(isOwn), unseen: messages.length })
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
      const [first] = next.nodes
      /** @type {Line} */
      const line = { content, nodes: [] }
      this.#lines.splice(index, 0, line)
      this.#draw(index)
      first?.before(...line.nodes)
      this.#redraw(index + 1)
      this.follow()
    }
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
    this.#newer.textContent = this.#unseen === 1 ? '1 new message' : `${this.#unseen} new messages`
  }

  /** @param {Line} line */
  #append(line) {
    this.#lines.push(line)
    this.#draw(this.#lines.length - 1)
    this.#list.append(...line.nodes)
    if (this.#lines.length <= SHOWN || !this.#atEnd) return
    for (const node of this.#lines.shift()?.nodes ?? []) node.remove()
    this.#redraw(0)
    this.#offerOlder(true)
  }

  async #goBack() {
    const first = this.#lines.find(({ said }) => said?.number)?.said?.number
    if (this.#isAsking || !first) return
    this.#isAsking = true
    try {
      const { messages, hasOlder } = await this.#askOlder(first)
      this.#prepend(messages)
      this.#offerOlder(hasOlder)
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
      last !== undefined &&
      last.user === said.user &&
      last.guest === said.guest &&
      isOwn(last) === isOwn(said) &&
      said.at - last.at < TOGETHER_MS
    line.nodes = [...(isNewDay ? [day(said.at)] : []), item(said, continues)]
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
  }
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
  return element('li', { class: 'notice day' }, calendar.format(at))
}

/** @param {Said} said @param {boolean} continues */
function item(said, continues) {
  const { user, guest, message, at } = said
  const own = isOwn(said)
  const name = displayName(user, guest)
  const who = own ? 'You' : name
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
    ...(user || guest ? [] : ['anonymous']),
  ]
  const created = element('li', { class: classes.join(' ') }, head, text)
  created.style.setProperty('--hue', String(hueOf(name)))
  return created
}

/** The text of a message, with its links. @param {string} message */
export function bubble(message) {
  return element('p', { class: 'bubble', dir: 'auto' }, ...linkify(message))
}
