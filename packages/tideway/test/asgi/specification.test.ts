import { readdirSync, readFileSync } from 'node:fs'
import { closeCodes, HeaderList, asgiVersions, type WebSocketReceiveEvent } from 'tideway/asgi'
import { describe, expect, it } from 'vitest'

import { echo } from './echo.ts'

const sources = new URL('../../src/asgi/', import.meta.url)
const page = readFileSync(new URL('../../../../docs/spec/asgi.md', import.meta.url), 'utf8')

function sourceOf(file: string): string {
  return readFileSync(new URL(file, sources), 'utf8')
}

/** The rows of the table of a page that has this header, cells without their code marks. */
function rowsUnder(header: string): string[][] {
  const lines = page.slice(page.indexOf(header)).split('\n').slice(2)
  const end = lines.findIndex((line) => !line.startsWith('|'))
  return lines.slice(0, end).map((line) =>
    line
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim().replaceAll('`', '')),
  )
}

const table = rowsUnder('| Of | tideway | ASGI | What it is |')
const scopeTypes = ['http', 'websocket', 'lifespan', 'channel']

/** `type field` for each row; only the type where there is no field. */
const documented = table.flatMap(([of = '', field = '']) =>
  (of === '*' ? scopeTypes : of.split(', ')).map((type) => `${type} ${field}`.trim()),
)

/** The names of the properties that the text of an object type declares. */
function fieldsOf(text: string): string[] {
  return Array.from(text.matchAll(/readonly (\w+)\??:/g), ([, name]) => name!)
}

/** `type field` for each event in the sources: of every object type with a literal `type`. */
function declaredEvents(): string[] {
  const files = readdirSync(sources).filter((file) => /^(http|websocket|lifespan)-events\.ts$/.test(file))
  const objects = files.flatMap((file) => [...sourceOf(file).matchAll(/\{([^{}]*readonly type: '([\w.]+)'[^{}]*)\}/g)])
  return objects.flatMap(([, text, type]) => {
    const fields = fieldsOf(text!).filter((name) => name !== 'type')
    return fields.length === 0 ? [type!] : fields.map((name) => `${type} ${name}`)
  })
}

/** `type field` for each scope in the sources, what they extend and the versions within `asgi` included. */
function declaredScopes(): string[] {
  const interfaces = new Map(
    Array.from(sourceOf('scope.ts').matchAll(/export interface (\w+)(?: extends (\w+))? \{\n(.*?)\n\}/gs), (match) => [
      match[1]!,
      { extended: match[2], text: match[3]! },
    ]),
  )
  const allFieldsOf = (name: string | undefined): string[] => {
    const found = name === undefined ? undefined : interfaces.get(name)
    return found === undefined ? [] : [...allFieldsOf(found.extended), ...fieldsOf(found.text)]
  }
  return [...interfaces.keys()].flatMap((name) => {
    const type = /readonly type: '(\w+)'/.exec(interfaces.get(name)!.text)?.[1]
    if (type === undefined) return []
    const fields = allFieldsOf(name).flatMap((field) =>
      field === 'asgi' ? allFieldsOf('AsgiVersions').map((version) => `asgi.${version}`) : [field],
    )
    return fields.map((field) => `${type} ${field}`)
  })
}

const sorted = (names: readonly string[]): string[] => [...new Set(names)].sort()

describe('the page of the contract', () => {
  it('lists each event of the sources, and no other', () => {
    const typesOf = (rows: readonly string[]) =>
      sorted(rows.map((row) => row.split(' ')[0]!).filter((type) => type.includes('.')))
    expect(typesOf(declaredEvents())).toHaveLength(20)
    expect(typesOf(documented)).toEqual(typesOf(declaredEvents()))
  })

  it('lists each field of each event and of each scope, and no other', () => {
    expect(declaredScopes()).toContain('websocket subprotocols')
    expect(declaredScopes()).toContain('channel asgi.specVersion')
    expect(sorted(documented)).toEqual(sorted([...declaredEvents(), ...declaredScopes()]))
  })

  it('lists each once', () => {
    expect(documented).toHaveLength(new Set(documented).size)
  })

  it('gives each field the name in ASGI that its own is the camel case of', () => {
    for (const [, field, asgi] of table) {
      if (asgi === '–') continue
      expect(asgi).toBe(field!.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`))
    }
  })

  it('lists the close codes of the sources', () => {
    const rows = rowsUnder('| Code | Name | When |').map(([code, name]) => [name, Number(code)])
    expect(Object.fromEntries(rows)).toEqual(closeCodes)
  })

  it('shows an application that echoes', async () => {
    const [, shown] = /```ts\n(const echo.*?)```/s.exec(page)!
    const source = readFileSync(new URL('echo.ts', import.meta.url), 'utf8')
    expect(source.endsWith(`export ${shown}`)).toBe(true)

    const bytes = new Uint8Array([1])
    const events: WebSocketReceiveEvent[] = [
      { type: 'websocket.connect' },
      { type: 'websocket.receive', text: '' },
      { type: 'websocket.receive', bytes },
      { type: 'websocket.disconnect', code: 1005, reason: '' },
    ]
    const sent: unknown[] = []
    const scope = {
      type: 'websocket',
      asgi: asgiVersions,
      httpVersion: '1.1',
      scheme: 'ws',
      path: '/',
      rawPath: '/',
      queryString: '',
      rootPath: '',
      headers: HeaderList.from([]),
      client: undefined,
      server: undefined,
      subprotocols: [],
    } as const
    await echo(
      scope,
      () => events.shift()!,
      (event) => {
        sent.push(event)
      },
    )
    expect(sent).toEqual([
      { type: 'websocket.accept' },
      { type: 'websocket.send', text: '' },
      { type: 'websocket.send', bytes },
    ])
  })
})
