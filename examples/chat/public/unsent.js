// Messages that the server has not stored yet. They are at the end of the page with the reason, and survive a
// reload of the tab. A message keeps its key in each attempt, so it cannot arrive twice.

import { randomMark } from './connection.js'
import { element } from './dom.js'
import { chosenName } from './me.js'
import { messageText } from './transcript.js'
import { t } from './words.js'

/**
 * @typedef {object} Unsent
 * @property {string} message
 * @property {string} author the name of the visitor at that time
 * @property {HTMLElement} item
 * @property {HTMLElement} note
 * @property {boolean} hasFailed
 */

export class UnsentMessages {
  #list
  #storageKey
  #send
  #onChange
  /** By key, in the order in which they were written. @type {Map<string, Unsent>} */
  #messages = new Map()
  #isConnected = false

  /**
   * @param {object} options
   * @param {HTMLElement} options.list
   * @param {string} options.storageKey the key in the storage of this tab
   * @param {(key: string, message: string) => Promise<unknown>} options.send
   * @param {() => void} options.onChange
   */
  constructor({ list, storageKey, send, onChange }) {
    this.#list = list
    this.#storageKey = storageKey
    this.#send = send
    this.#onChange = onChange
  }

  get size() {
    return this.#messages.size
  }

  /** Sends the unsent messages of an earlier page of this tab; not under another name unless the visitor confirms. */
  restore() {
    try {
      const kept = JSON.parse(sessionStorage.getItem(this.#storageKey) ?? '[]')
      for (const [key, message, author] of kept) {
        this.#put(key, message, author)
        if (author === chosenName()) this.#try(key)
        else this.#fail(key)
      }
    } catch {
      sessionStorage.removeItem(this.#storageKey)
    }
  }

  /** @param {string} message */
  add(message) {
    const key = randomMark()
    this.#put(key, message, chosenName())
    this.#try(key)
  }

  /** @param {string} key @param {string} message @param {string} author */
  #put(key, message, author) {
    const note = element('p', { class: 'delivery' })
    const item = element(
      'li',
      { class: 'message own pending' },
      element('div', { class: 'said' }, messageText(message), note),
    )
    this.#messages.set(key, { message, author, item, note, hasFailed: false })
    this.#list.append(item)
    this.#keep()
  }

  /** The room has broadcast the message. @param {string} key */
  arrived(key) {
    this.#messages.get(key)?.item.remove()
    if (this.#messages.delete(key)) this.#keep()
  }

  /** @param {boolean} isConnected */
  setConnected(isConnected) {
    this.#isConnected = isConnected
    for (const unsent of this.#messages.values()) this.#describe(unsent)
  }

  /** @param {string} key */
  #try(key) {
    const unsent = this.#messages.get(key)
    if (unsent === undefined) return
    unsent.hasFailed = false
    this.#describe(unsent)
    this.#send(key, unsent.message).catch(() => this.#fail(key))
  }

  /** @param {string} key */
  #fail(key) {
    const unsent = this.#messages.get(key)
    if (unsent === undefined) return
    unsent.hasFailed = true
    const again = element('button', { type: 'button', class: 'link' }, t('Send again'))
    const discard = element('button', { type: 'button', class: 'link' }, t('Discard'))
    again.addEventListener('click', () => this.#try(key))
    discard.addEventListener('click', () => this.arrived(key))
    unsent.note.replaceChildren(t('Not sent.'), ' ', again, ' ', discard)
    unsent.item.classList.add('failed')
  }

  /** @param {Unsent} unsent */
  #describe({ item, note, hasFailed }) {
    if (hasFailed) return
    item.classList.remove('failed')
    item.classList.toggle('waiting', !this.#isConnected)
    note.textContent = this.#isConnected ? t('Sending…') : t('Will be sent when you are back online')
  }

  #keep() {
    const messages = [...this.#messages].map(([key, { message, author }]) => [key, message, author])
    try {
      if (messages.length > 0) sessionStorage.setItem(this.#storageKey, JSON.stringify(messages))
      else sessionStorage.removeItem(this.#storageKey)
    } catch {
      // The storage is full or disabled: the messages do not survive a reload.
    }
    this.#onChange()
  }
}
