import { converters } from './converters.ts'
import { matchParts, type Ending } from './path-matcher.ts'
import { parsePath, type Part, type Segment } from './path-syntax.ts'
import type { PathPattern, PatternMatch } from './pattern.ts'

/** The part of the path that a pattern has to match. */
export type Extent = 'whole' | 'prefix'

/**
 * Compiles the pattern of a `path` (whole) or a `mount` (prefix). A prefix ends at the end of a segment: `api` matches
 * `api/rooms`, never `apis`. Throws `ERR_BAD_ROUTE` if the pattern is malformed.
 */
export function pathPattern(source: string, extent: Extent): PathPattern {
  const segments = parsePath(source)
  const ending = endingOf(source, extent)
  const { lead, parts, tail } = partsOf(segments, ending)
  const names = Object.fromEntries(parts.flatMap((part) => (typeof part === 'string' ? [] : [[part.name, '']])))
  return {
    kind: 'path',
    source: JSON.stringify(source),
    segments,
    match(path: string): PatternMatch | undefined {
      const middleEnd = path.length - tail.length
      if (middleEnd < lead.length || !path.startsWith(lead) || !path.endsWith(tail)) return undefined
      const middle = path.slice(lead.length, middleEnd)
      const ends = matchParts(parts, middle, ending)
      const kwargs = ends && read(parts, names, middle, ends)
      return kwargs && { args: [], kwargs, rest: middle.slice(ends.at(-1) ?? 0) }
    },
  }
}

/** The parts of a pattern. Adjacent literals are joined. Those at the ends are separate, because most paths fail there. */
interface Parts {
  readonly lead: string
  readonly parts: readonly Part[]
  /** Empty if the path may continue after the match. */
  readonly tail: string
}

function partsOf(segments: readonly Segment[], ending: Ending): Parts {
  const parts: Part[] = []
  for (const part of segments.flatMap((segment, i) => (i === 0 ? segment : ['/', ...segment]))) {
    const before = parts.at(-1)
    if (typeof part === 'string' && typeof before === 'string') parts[parts.length - 1] = before + part
    else parts.push(part)
  }
  const lead = typeof parts[0] === 'string' ? parts[0] : ''
  if (lead !== '') parts.shift()
  const last = parts.at(-1)
  const tail = ending === 'end' && typeof last === 'string' ? last : ''
  if (tail !== '') parts.pop()
  return { lead, parts, tail }
}

function endingOf(source: string, extent: Extent): Ending {
  if (extent === 'whole') return 'end'
  return source === '' || source.endsWith('/') ? 'anywhere' : 'segment'
}

/**
 * Returns the values of the parameters, or `undefined` if the text of one has no value.
 * @param names an object with all names: V8 sets the properties of its copy faster than it adds them
 */
function read(
  parts: readonly Part[],
  names: Readonly<Record<string, string>>,
  path: string,
  ends: readonly number[],
): Record<string, string | number> | undefined {
  const kwargs: Record<string, string | number> = { ...names }
  for (let i = 0; i < parts.length; i += 1) {
    const part = parts[i]!
    if (typeof part === 'string') continue
    const value = converters[part.converter].read(path.slice(ends[i - 1] ?? 0, ends[i]))
    if (value === undefined) return undefined
    kwargs[part.name] = value
  }
  return kwargs
}
