import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { presenceDefaults } from 'tideway/layer'
import { presenceHistory } from 'tideway/layer/kit'
import { MAX_KEY_LENGTH } from '../../../src/layer/presence/presence-options.ts'

const page = read('../../../../../docs/spec/presence.md')

function read(path: string): string {
  return readFileSync(new URL(path, import.meta.url), 'utf8')
}

describe('docs/spec/presence.md', () => {
  it('names every call of the port, and no other', () => {
    const source = read('../../../src/layer/presence/presence-store.ts')
    const port = source.slice(source.indexOf('export interface PresenceStore {'))
    const methods = page.slice(page.indexOf('\n## Methods\n'), page.indexOf('\n## Members and people\n'))
    const calls = Array.from(methods.matchAll(/^\| `(\w+)\(/gm), ([, name]) => name)
    const declared = Array.from(port.matchAll(/^ {2}(\w+)\(/gm), ([, name]) => name)
    expect(calls).toEqual(declared)
  })

  it('states the bounds of the code', () => {
    const table = page.slice(page.indexOf('\n## Limits\n')).split('\n\n')[1]!
    const rows = table.split('\n').map((row) => row.split('|').map((cell) => cell.trim().replaceAll('`', '')))
    const bounds = new Map(rows.map(([, what, bound, option]) => [option === '' ? what! : option!, bound!]))
    for (const [option, bound] of Object.entries(presenceDefaults)) {
      expect(bounds.get(`presence.${option}`), option).toMatch(new RegExp(`^${bound}\\b`))
    }
    expect(bounds.get('key of a person')).toBe(`${MAX_KEY_LENGTH} characters`)
    expect(bounds.get('changes that the log keeps')).toBe(`${presenceHistory.size}, for ${presenceHistory.ttlMs} ms`)
  })
})
