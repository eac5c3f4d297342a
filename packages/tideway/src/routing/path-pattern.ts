import { converters } from './converters.ts'
import { parsePath, type Parameter, type Segment } from './path-syntax.ts'
import type { PathPattern, Reading } from './pattern.ts'

/** How much of the path a pattern has to match. */
export type Extent = 'whole' | 'prefix'

/**
 * Compiles the pattern of a `path` (whole) or a `mount` (prefix). A prefix ends where a segment does: `api` matches
 * `api/rooms`, never `apis`. Throws `ERR_BAD_ROUTE` on a malformed one.
 */
export function pathPattern(source: string, extent: Extent): PathPattern {
  const segments = parsePath(source)
  const parameters = segments.flat().filter((part): part is Parameter => typeof part !== 'string')
  // "u": a parameter never ends in the middle of a character outside the Basic Multilingual Plane.
  const regexp = new RegExp(`^${segments.map(segmentSource).join('/')}${ending(source, extent)}`, 'u')
  return {
    kind: 'path',
    source: JSON.stringify(source),
    segments,
    match(path: string): Reading | undefined {
      const found = regexp.exec(path)
      if (found === null) return undefined
      const kwargs = read(parameters, found)
      return kwargs && { args: [], kwargs, rest: path.slice(found[0].length) }
    },
  }
}

function segmentSource(segment: Segment): string {
  return segment
    .map((part) => (typeof part === 'string' ? escaped(part) : `(${converters[part.converter].source})`))
    .join('')
}

function ending(source: string, extent: Extent): string {
  if (extent === 'whole') return '$'
  return source === '' || source.endsWith('/') ? '' : '(?=/|$)'
}

/** The values of the parameters, or `undefined` when the text of one stands for no value. */
function read(parameters: readonly Parameter[], found: RegExpExecArray): Record<string, string | number> | undefined {
  const entries: [string, string | number][] = []
  for (const [i, { name, converter }] of parameters.entries()) {
    const value = converters[converter].read(found[i + 1]!)
    if (value === undefined) return undefined
    entries.push([name, value])
  }
  return Object.fromEntries(entries)
}

function escaped(text: string): string {
  return text.replaceAll(/[$()*+.?[\\\]^{|}]/g, String.raw`\$&`)
}
