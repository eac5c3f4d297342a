import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8')
const guide = read('../../../docs/guides/client.md')
const namesIn = (text: string, pattern: RegExp): string[] => Array.from(text.matchAll(pattern), ([, name = '']) => name)

describe('The guide of the client', () => {
  it('lists every error code and no other', () => {
    const codes = namesIn(read('../src/errors.ts'), /\| '(ERR_\w+)'/g)
    const table = guide.slice(guide.indexOf('## Errors'), guide.indexOf('## React'))
    expect(namesIn(table, /^\| `(ERR_\w+)`/gm).toSorted()).toEqual(codes.toSorted())
  })

  it('lists every option and no other', () => {
    const sources = [
      read('../src/options.ts').replace(/[^]*export interface ConnectionOptions/, ''),
      read('../src/client.ts').replace(/\/\*\* The events of a client[^]*/, ''),
    ]
    const options = sources.flatMap((source) => namesIn(source, /^ {2}readonly (\w+)\?:/gm))
    const table = guide.slice(guide.indexOf('## Options'), guide.indexOf('## Errors'))
    const listed = namesIn(table, /^\| (`.*?`) \|/gm).flatMap((cell) => namesIn(cell, /`(\w+)`/g))
    expect(listed.toSorted()).toEqual(options.toSorted())
  })
})
