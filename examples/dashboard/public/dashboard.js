// Shows the newest prices. The client has all values at any time, also after a lost connection, so the page keeps nothing itself.

// oxlint-disable-next-line import/no-absolute-path -- an address of the server, not a path of this machine
import { connectLive, describeState } from '/client/live/index.js'

/** @typedef {typeof import('../src/prices.ts').DashboardConsumer} DashboardConsumer */
/** @typedef {{ root: HTMLElement, price: Text, change: Text, shown: number }} Tile */

const list = find('data-prices')
/** @type {Map<string, Tile>} */
const tiles = new Map()
/** The symbols whose values have changed since the last frame of the page. @type {Set<string>} */
const changed = new Set()
/** The coloured tiles. @type {Set<HTMLElement>} */
const marked = new Set()
let updates = 0

/** @type {import('/client/live/index.js').LiveClient<DashboardConsumer>} */
const client = connectLive('/ws/prices/')
const market = client.join('prices', 'market')

market.on('value', (_value, symbol) => {
  updates++
  // However many values arrive, the page draws once per frame.
  if (changed.size === 0) requestAnimationFrame(draw)
  changed.add(symbol)
})
// A reset has all values, and may lack some that the page shows.
market.on('joined', drawAll)
market.on('reset', drawAll)
client.on('state', showState)
showState()
setInterval(() => {
  find('data-rate').textContent = updates.toLocaleString('en')
  updates = 0
}, 1000)

setInterval(unmark, 400)

function drawAll() {
  if (changed.size === 0) requestAnimationFrame(draw)
  for (const symbol of [...tiles.keys(), ...market.values.keys()]) changed.add(symbol)
}

function draw() {
  for (const symbol of changed) {
    const value = market.values.get(symbol)
    if (value === undefined) {
      tiles.get(symbol)?.root.remove()
      tiles.delete(symbol)
      continue
    }
    const tile = tiles.get(symbol) ?? newTile(symbol)
    tile.price.data = value.price.toFixed(2)
    tile.change.data = `${value.change < 0 ? '−' : '+'}${Math.abs(value.change).toFixed(2)} %`
    tile.root.dataset.trend = value.change < 0 ? 'down' : 'up'
    if (tile.shown !== 0 && value.price !== tile.shown) mark(tile.root, value.price > tile.shown)
    tile.shown = value.price
  }
  changed.clear()
  find('data-symbols').textContent = String(tiles.size)
}

/** @param {string} symbol @returns {Tile} */
function newTile(symbol) {
  const root = document.createElement('article')
  root.dataset.symbol = symbol
  const [name, price, change] = ['b', 'span', 'small'].map((tag) => root.appendChild(document.createElement(tag)))
  const tile = { root, price: new Text(), change: new Text(), shown: 0 }
  name?.append(symbol)
  price?.append(tile.price)
  change?.append(tile.change)
  tiles.set(symbol, tile)
  list.append(root)
  return tile
}

/**
 * Colours a tile for a moment. It is painted twice. An animation of 250 tiles is painted once per frame: with it, a busy page drew 20
 * frames per second, without it 58.
 *
 * @param {HTMLElement} root @param {boolean} isUp
 */
function mark(root, isUp) {
  root.dataset.moved = isUp ? 'up' : 'down'
  marked.add(root)
}

function unmark() {
  for (const root of marked) delete root.dataset.moved
  marked.clear()
}

function showState() {
  find('data-state').textContent = describeState(client.state)
}

/** @param {string} attribute @returns {HTMLElement} */
function find(attribute) {
  return /** @type {HTMLElement} */ (document.querySelector(`[${attribute}]`))
}
