import * as fc from 'fast-check'
import { entriesOf, HeaderList } from 'tideway/asgi'
import { describe, expect, it } from 'vitest'

const pairs = [
  ['Host', 'example.org'],
  ['X-Tag', 'one'],
  ['x-tag', 'two'],
] as const

describe('HeaderList', () => {
  it('keeps order and duplicates, values as they came, names in lower case', () => {
    expect([...HeaderList.from(pairs)]).toEqual([
      ['host', 'example.org'],
      ['x-tag', 'one'],
      ['x-tag', 'two'],
    ])
    expect([...HeaderList.from([['Set-Cookie', 'A=B; Path=/']])]).toEqual([['set-cookie', 'A=B; Path=/']])
  })

  it('finds a header with any case of its name', () => {
    const headers = HeaderList.from(pairs)
    expect(headers.get('HOST')).toBe('example.org')
    expect(headers.get('X-TAG')).toBe('one')
    expect(headers.getAll('X-Tag')).toEqual(['one', 'two'])
    expect(headers.has('x-Tag')).toBe(true)
  })

  it('has nothing for a header that is not there, not even for the name of a value', () => {
    const headers = HeaderList.from([['a', 'b']])
    expect(headers.get('b')).toBeUndefined()
    expect(headers.getAll('b')).toEqual([])
    expect(headers.has('b')).toBe(false)
    expect(headers.has('constructor')).toBe(false)
  })

  it('distinguishes an empty value from a missing one', () => {
    const headers = HeaderList.from([['x-empty', '']])
    expect(headers.get('x-empty')).toBe('')
    expect(headers.has('x-empty')).toBe(true)
  })

  it('counts duplicates', () => {
    expect(HeaderList.from(pairs).size).toBe(3)
    expect(HeaderList.from([]).size).toBe(0)
    expect(['X-Tag', 'host', 'other'].map((name) => HeaderList.from(pairs).count(name))).toEqual([2, 1, 0])
  })

  it('is made of pairs, of a record, of any iterable and of itself', () => {
    const record = { Host: 'example.org', 'X-Tag': 'one' }
    expect([...HeaderList.from(record)]).toEqual([
      ['host', 'example.org'],
      ['x-tag', 'one'],
    ])
    expect([...HeaderList.from(new Headers(record))]).toEqual([...HeaderList.from(record)])
    expect([...HeaderList.from(new Map([['A', 'b']]))]).toEqual([['a', 'b']])
    const headers = HeaderList.from(pairs)
    expect(HeaderList.from(headers)).toBe(headers)
  })

  it('keeps every value unchanged, after any number of others', () => {
    for (let i = 0; i < 2000; i++) {
      const raw = ['Host', `host${i % 700}`, 'Cookie', `a=${i}`, 'User-Agent', 'x'.repeat(i % 600), 'X-Own', 'own']
      const values = [`host${i % 700}`, `a=${i}`, 'x'.repeat(i % 600), 'own']
      expect([...HeaderList.fromRaw(raw)].map(([, value]) => value)).toEqual(values)
    }
  })

  it('is made of the raw headers of a Node request', () => {
    expect([...HeaderList.fromRaw(['Host', 'Example.ORG', 'X-Tag', 'One'])]).toEqual([
      ['host', 'Example.ORG'],
      ['x-tag', 'One'],
    ])
    expect(HeaderList.fromRaw([]).size).toBe(0)
  })

  it('can be iterated again and again', () => {
    const headers = HeaderList.from(pairs)
    expect([...headers]).toEqual([...headers])
  })

  it('does not change with its source', () => {
    const made: [string, string][] = [['a', '1']]
    const raw = ['a', '1']
    const [list, rawList] = [HeaderList.from(made), HeaderList.fromRaw(raw)]
    made.push(['b', '2'])
    made[0]![1] = 'other'
    raw.push('b', '2')
    expect([...list, ...rawList]).toEqual([
      ['a', '1'],
      ['a', '1'],
    ])
  })

  it('equals a filter over the pairs, for any pairs, case and number of names', () => {
    const name = fc.string({ unit: fc.constantFrom('a', 'B', 'c', '-', '1'), minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(fc.array(fc.tuple(name, fc.string())), name, (pairs, wanted) => {
        const headers = HeaderList.from(pairs)
        const values = pairs.filter(([name]) => name.toLowerCase() === wanted.toLowerCase()).map(([, value]) => value)
        expect(headers.getAll(wanted)).toEqual(values)
        expect(headers.get(wanted)).toBe(values[0])
        expect(headers.has(wanted)).toBe(values.length > 0)
        expect([...headers]).toEqual([...HeaderList.fromRaw(pairs.flat())])
        expect(headers.size).toBe(pairs.length)
      }),
    )
  })

  it('reads names right beyond those that it remembers', () => {
    const many = Array.from({ length: 1000 }, (_, i) => [`X-Name-${i}`, String(i)] as const)
    for (const headers of [HeaderList.from(many), HeaderList.from(many)]) {
      expect(headers.get('x-name-999')).toBe('999')
      expect([...headers].every(([name]) => name === name.toLowerCase())).toBe(true)
    }
  })
})

describe('entriesOf', () => {
  it('gives the pairs of either form, names as they are', () => {
    expect([...entriesOf({ 'X-Tag': 'one' })]).toEqual([['X-Tag', 'one']])
    expect([...entriesOf(pairs)]).toEqual([...pairs])
  })
})
