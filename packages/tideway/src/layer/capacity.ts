import { requireWholeNumber } from '../errors/option-checks.ts'

/**
 * Capacities by channel name: a glob (`*`, `?`, `[abc]`, `[!abc]`) of the whole name, or a regular expression that matches
 * from its start. The first match applies, in the order of the object's keys or of the list.
 */
export type ChannelCapacity =
  | Readonly<Record<string, number>>
  | Iterable<readonly [pattern: string | RegExp, capacity: number]>

/** The default maximum of queued messages of a channel, as in Channels. */
export const DEFAULT_CAPACITY = 100

interface CapacityRule {
  readonly pattern: RegExp
  readonly capacity: number
}

/** Finds the capacity of a channel: that of the first matching pattern, or the default. */
export class Capacities {
  readonly #fallback: number
  readonly #rules: readonly CapacityRule[]

  constructor(fallback: number = DEFAULT_CAPACITY, byChannel: ChannelCapacity = {}) {
    this.#fallback = requireWholeNumber('capacity', fallback, Infinity)
    const pairs = Symbol.iterator in byChannel ? byChannel : Object.entries(byChannel)
    this.#rules = Array.from(pairs as Iterable<readonly [string | RegExp, number]>, ([pattern, capacity]) => ({
      pattern: typeof pattern === 'string' ? globToRegExp(pattern) : fromStart(pattern),
      capacity: requireWholeNumber(`channelCapacity[${String(pattern)}]`, capacity, Infinity),
    }))
  }

  /** The capacity of a channel. */
  of(channel: string): number {
    for (const { pattern, capacity } of this.#rules) if (pattern.test(channel)) return capacity
    return this.#fallback
  }
}

/** Anchors the pattern at the start, like Python's `re.match`, and removes the stateful flags `g` and `y`. */
function fromStart(pattern: RegExp): RegExp {
  return new RegExp(`^(?:${pattern.source})`, pattern.flags.replace(/[gy]/g, ''))
}

/**
 * Python's fnmatch for the whole name: `*` any run, `?` one character, `[a-c_]` one of, `[!a-c_]` none of; everything
 * else matches itself, also a `[` that is not closed.
 */
function globToRegExp(glob: string): RegExp {
  let source = ''
  for (let i = 0; i < glob.length; i++) {
    const character = glob[i]!
    // A leading "]" is a member of the class, not its end.
    const end = character === '[' ? glob.indexOf(']', glob[i + 1] === '!' ? i + 3 : i + 2) : -1
    if (end !== -1) {
      source += classToSource(glob.slice(i + 1, end))
      i = end
    } else if (character === '*') source += '.*'
    else if (character === '?') source += '.'
    else source += character.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')
  }
  return new RegExp(`^${source}$`, 's')
}

function classToSource(content: string): string {
  const negated = content.startsWith('!')
  let members = ''
  for (let i = negated ? 1 : 0; i < content.length; i++) {
    const low = content[i]!
    const high = content[i + 1] === '-' ? content[i + 2] : undefined
    if (high === undefined) members += escapeInClass(low)
    else {
      // A backward range is empty; a regular expression would reject it.
      if (low <= high) members += `${escapeInClass(low)}-${escapeInClass(high)}`
      i += 2
    }
  }
  return `[${negated ? '^' : ''}${members}]`
}

function escapeInClass(character: string): string {
  return character.replace(/[\\\]^\-[]/, '\\$&')
}
