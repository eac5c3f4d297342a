import { element } from './dom.js'

const ADDRESS = /\bhttps?:\/\/[^\s<>"']*[^\s<>"'.,:;!?)\]}]/gi

const EMOJI = /\p{Emoji_Presentation}|\p{Regional_Indicator}|\uFE0F/u

/** Whether the text is one to three emoji, which are shown larger. @param {string} text */
export function isEmoji(text) {
  const signs = [...new Intl.Segmenter().segment(text)].filter(({ segment }) => segment.trim() !== '')
  return signs.length >= 1 && signs.length <= 3 && signs.every(({ segment }) => EMOJI.test(segment))
}

/**
 * Returns the text as nodes, with its web addresses as links. Only `http:` and `https:`: other schemes from an unknown
 * author are not safe to open.
 *
 * @param {string} text
 * @returns {(Node | string)[]}
 */
export function linkify(text) {
  const nodes = []
  let from = 0
  for (const { 0: href, index } of text.matchAll(ADDRESS)) {
    nodes.push(text.slice(from, index))
    nodes.push(element('a', { href, target: '_blank', rel: 'noopener noreferrer nofollow' }, href))
    from = index + href.length
  }
  nodes.push(text.slice(from))
  return nodes
}
