import { describe, expect, it } from 'vitest'
import { read } from '../architecture/source-files.ts'

// docs/reference/events.md has the names of docs/spec/asgi.md, which is held equal to the types.

interface Row {
  readonly names: readonly string[]
  readonly cells: readonly string[]
}

/** The tables under a heading of a page, or under all, as rows with the names in code of their first cell. */
function rowsOf(page: string, heading = ''): Row[] {
  const text = read(page)
  const from = text.indexOf(heading === '' ? '' : `## ${heading}\n`)
  if (from === -1) throw new Error(`${page} has no heading "${heading}".`)
  const end = heading === '' ? -1 : text.indexOf('\n## ', from + 1)
  const lines = text.slice(from, end === -1 ? undefined : end).split('\n')
  return lines
    .filter((line) => line.startsWith('|'))
    .map((line) => {
      const cells = line.slice(1, -1).split('|')
      return { cells, names: [...cells[0]!.matchAll(/`([^`]+)`/g)].map(([, name]) => name!) }
    })
}

const EVENTS = 'docs/reference/events.md'
const spec = rowsOf('docs/spec/asgi.md').flatMap(({ names, cells }) =>
  names.flatMap((of) => ({ of, field: /`([^`]+)`/.exec(cells[1] ?? '')?.[1] })),
)

/** The names of the fields that the spec has for a scope, or for an event. */
function fieldsOf(of: string): string[] {
  const fields = spec.filter((row) => row.of === of || (row.of === '*' && !of.includes('.'))).map(({ field }) => field)
  return fields.filter((field) => field !== undefined).toSorted()
}

describe('docs/reference/events.md', () => {
  it('has every key of a WebSocket scope', () => {
    expect(
      rowsOf(EVENTS, 'WebSocket scope')
        .flatMap(({ names }) => names)
        .toSorted(),
    ).toEqual(fieldsOf('websocket'))
  })

  it('has the additional keys of an HTTP scope', () => {
    const added = rowsOf(EVENTS, 'HTTP scope').flatMap(({ names }) => names)
    const same = fieldsOf('websocket').filter((key) => !['subprotocols', 'onEnd', 'onDrain'].includes(key))
    expect([...same, ...added].toSorted()).toEqual(fieldsOf('http'))
  })

  it('has what a job has', () => {
    const ofJob = rowsOf(EVENTS, 'Channel scope').flatMap(({ names }) => names)
    const others = ['asgi.version', 'asgi.specVersion', 'state', 'extensions', 'logger']
    expect([...others, ...ofJob].toSorted()).toEqual(fieldsOf('channel'))
  })

  const documented = rowsOf(EVENTS)
    .filter(({ names }) => /^(websocket|http|lifespan)\./.test(names[0] ?? ''))
    .flatMap(({ names, cells }) =>
      names.map((name) => ({ name, fields: [...cells[1]!.matchAll(/`(\w+)/g)].map(([, field]) => field!) })),
    )

  it('has every event', () => {
    const inSpec = new Set(spec.map(({ of }) => of).filter((of) => /^(websocket|http|lifespan)\./.test(of)))
    inSpec.delete('websocket.http.response')
    expect(new Set(documented.map(({ name }) => name))).toEqual(inSpec)
  })

  it.each(documented)('has the fields of $name', ({ name, fields }) => {
    expect(fields.filter((field) => field !== 'Uint8Array').toSorted()).toEqual(fieldsOf(name))
  })
})
