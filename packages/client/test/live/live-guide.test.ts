import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8')
const guide = read('../../../../docs/guides/live-client.md')

/** The fields of an interface of the source. */
function fieldsOf(file: string, name: string): string[] {
  const [, body = ''] =
    new RegExp(`export interface ${name}\\b[^{]*\\{([^]*?)\\n\\}`).exec(read(`../../src/${file}`)) ?? []
  return Array.from(body.matchAll(/^ {2}readonly (\w+)\??:/gm), ([, field = '']) => field)
}

/** The first column of the table with this header. */
function rowsBelow(header: string): string[] {
  const [, table = ''] = guide.split(`| ${header} |`)
  const [rows = ''] = table.split('\n\n')
  return Array.from(rows.matchAll(/^\| `(\w+)`/gm), ([, name = '']) => name)
}

describe('The guide of the live client', () => {
  it.each([
    ['option of `join`', fieldsOf('live/live-group.ts', 'JoinOptions')],
    ['option of `request`', ['timeoutMs', 'signal', ...fieldsOf('live/live-requests.ts', 'LiveRequestOptions')]],
    ['option of `groupStore`, `useGroup`', ['since', ...fieldsOf('live/group-store.ts', 'GroupStoreOptions')]],
  ])('lists every %s and no other', (header, fields) => {
    expect(fields.length).toBeGreaterThan(2)
    expect(rowsBelow(header).toSorted()).toEqual(fields.toSorted())
  })

  it('lists every change of a join and no other', () => {
    const [, body = ''] =
      /export interface GroupLifecycle\b[^{]*\{([^]*?)\n\}/.exec(read('../../src/live/live-group.ts')) ?? []
    const changes = Array.from(body.matchAll(/^ {2}(\w+):/gm), ([, name = '']) => name)
    expect(rowsBelow('`group.on(name, …)`').toSorted()).toEqual(changes.toSorted())
  })
})
