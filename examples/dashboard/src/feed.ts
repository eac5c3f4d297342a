import type { ChannelLayer } from 'tideway'

import { prices } from './prices.ts'

const SYMBOLS = 500
const CHANGES_PER_SECOND = 1000
/** The feed sets what is due this often. */
const EVERY_MS = 20
/** The largest change of a price at a time. */
const LARGEST_STEP = 0.002

/** The prices of a market that never closes. */
export interface Feed {
  /** The number of changes that are stored. */
  readonly changes: number
  /** Stops. Resolves when the last change is stored. */
  stop(): Promise<void>
}

/** Sets the prices of 500 symbols, and then changes one of them 1,000 times a second. */
export async function startFeed(layer: ChannelLayer): Promise<Feed> {
  const market = prices('market')
  const open = new Map(Array.from({ length: SYMBOLS }, (_, index) => [symbolOf(index), 10 ** (1 + 2 * Math.random())]))
  const now = new Map(open)
  const symbols = [...open.keys()]
  let changes = 0
  const running = new Set<Promise<void>>()

  const set = async (symbol: string): Promise<void> => {
    const [first, price] = [open.get(symbol)!, now.get(symbol)!]
    await market.set(layer, symbol, { price: rounded(price), change: rounded((price / first - 1) * 100) })
    changes++
  }
  await Promise.all(symbols.map(set))
  changes = 0

  const startedAt = performance.now()
  let due = 0
  const timer = setInterval(() => {
    const until = ((performance.now() - startedAt) / 1000) * CHANGES_PER_SECOND
    // A process that stood still does not make up for it.
    if (until - due > CHANGES_PER_SECOND) due = until - CHANGES_PER_SECOND
    for (; due < until; due++) {
      const symbol = symbols[Math.floor(Math.random() * SYMBOLS)]!
      now.set(symbol, now.get(symbol)! * (1 + LARGEST_STEP * (2 * Math.random() - 1)))
      // A change that Redis does not answer is not repeated: the next one of the symbol replaces it.
      const setting = set(symbol).catch(() => {})
      running.add(setting)
      void setting.then(() => running.delete(setting))
    }
  }, EVERY_MS)

  return {
    get changes() {
      return changes
    },
    async stop() {
      clearInterval(timer)
      await Promise.all(running)
    },
  }
}

/** Such as `AAB`: three letters, in the order of the alphabet. */
function symbolOf(index: number): string {
  const letters = [index / 676, index / 26, index].map((digit) => String.fromCharCode(65 + (Math.floor(digit) % 26)))
  return letters.join('')
}

function rounded(number: number): number {
  return Math.round(number * 100) / 100
}
