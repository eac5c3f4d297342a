import { element } from './dom.js'

const ADDRESS = /\bhttps?:\/\/[^\s<>"']*[^\s<>"'.,:;!?)\]}]/gi

/**
 * The text as nodes, with the web addresses in it as links. Only `http:` and `https:`: no other scheme is safe to open
 * on a stranger's word.
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
