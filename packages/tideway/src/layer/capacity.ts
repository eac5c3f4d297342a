import { TidewayError } from '../errors/tideway-error.ts'

/** Capacities by channel name: a glob (`*`, `?`, `[abc]`, `[!abc]`) or a regular expression that matches from the start. */
export type ChannelCapacity =
  | Readonly<Record<string, number>>
  | Iterable<readonly [pattern: string | RegExp, capacity: number]>

/** The most messages that may wait at a channel unless the options say otherwise (the default of Channels). */
export const DEFAULT_CAPACITY = 100

interface CapacityRule {
  readonly pattern: RegExp
  readonly capacity: number
}

/** Answers the capacity of a channel: the first pattern that matches, else the default. */
export class Capacities {
  readonly #fallback: number
  readonly #rules: readonly CapacityRule[]

  constructor(fallback: number = DEFAULT_CAPACITY, byChannel: ChannelCapacity = {}) {
    this.#fallback = requireCapacity('capacity', fallback)
    const pairs = Symbol.iterator in byChannel ? byChannel : Object.entries(byChannel)
    this.#rules = Array.from(pairs as Iterable<readonly [string | RegExp, number]>, ([pattern, capacity]) => ({
      pattern: typeof pattern === 'string' ? globToRegExp(pattern) : fromStart(pattern),
      capacity: requireCapacity(`channelCapacity[${String(pattern)}]`, capacity),
    }))
  }

  of(channel: string): number {
    for (const { pattern, capacity } of this.#rules) if (pattern.test(channel)) return capacity
    return this.#fallback
  }
}

function requireCapacity(name: string, value: number): number {
  if (Number.isInteger(value) && value >= 1) return value
  throw new TidewayError('ERR_BAD_OPTION', `${name} must be a whole number of at least 1, not ${String(value)}.`)
}

/** Anchored at the start, as Python's `re.match` is, and without the state that `g` and `y` would keep. */
function fromStart(pattern: RegExp): RegExp {
  return new RegExp(`^(?:${pattern.source})`, pattern.flags.replace(/[gy]/g, ''))
}

/** Python's fnmatch: `*` any run, `?` one character, `[abc]` one of, `[!abc]` none of; everything else is itself. */
function globToRegExp(glob: string): RegExp {
  let source = ''
  for (let i = 0; i < glob.length; i++) {
    const character = glob[i]!
    const end = character === '[' ? glob.indexOf(']', glob[i + 1] === '!' ? i + 3 : i + 2) : -1
    if (end !== -1) {
      const negated = glob[i + 1] === '!'
      const members = glob.slice(negated ? i + 2 : i + 1, end).replace(/[\\\]^[]/g, '\\$&')
      source += `[${negated ? '^' : ''}${members}]`
      i = end
    } else if (character === '*') source += '.*'
    else if (character === '?') source += '.'
    else source += character.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')
  }
  return new RegExp(`^${source}$`, 's')
}
