import { describe, expect, it } from 'vitest'
import { Capacities, DEFAULT_CAPACITY, TidewayError } from 'tideway/layer/kit'

describe('Capacities', () => {
  it('is 100 for every channel by default', () => {
    expect(DEFAULT_CAPACITY).toBe(100)
    expect(new Capacities().of('any')).toBe(100)
  })

  it('uses the first pattern that matches, in the order of the keys or of the list', () => {
    expect(new Capacities(9, { 'a*': 1, 'ab*': 2 }).of('abc')).toBe(1)
    expect(new Capacities(9, { 'ab*': 2, 'a*': 1 }).of('abc')).toBe(2)
    const rules = [
      ['ab*', 2],
      ['a*', 1],
    ] as const
    expect(new Capacities(9, rules).of('abc')).toBe(2)
    expect(new Capacities(9, new Map(rules)).of('axc')).toBe(1)
    expect(new Capacities(9, rules).of('other')).toBe(9)
  })

  it('matches globs against the whole name', () => {
    const of = (glob: string, name: string): boolean => new Capacities(1, { [glob]: 2 }).of(name) === 2
    expect(of('jobs', 'jobs')).toBe(true)
    expect(of('jobs', 'jobs.1')).toBe(false)
    expect(of('jobs.?', 'jobs.1')).toBe(true)
    expect(of('jobs.?', 'jobs.10')).toBe(false)
    expect(of('*.jobs', 'a.b.jobs')).toBe(true)
    expect(of('http.request!*', 'http.request!abc')).toBe(true)
    expect(of('jobs.[0-4a]', 'jobs.3')).toBe(true)
    expect(of('jobs.[!0-4a]', 'jobs.3')).toBe(false)
    expect(of('jobs.1', 'jobsx1')).toBe(false)
  })

  it('matches regular expressions from the start of the name at every call', () => {
    const capacities = new Capacities(1, [
      [/b|c/g, 2],
      [/A/iy, 3],
    ])
    for (let time = 0; time < 3; time++) {
      expect(capacities.of('bx')).toBe(2)
      expect(capacities.of('cx')).toBe(2)
      expect(capacities.of('xb')).toBe(1)
      expect(capacities.of('ab')).toBe(3)
    }
  })

  it('treats a backward range as empty', () => {
    expect(new Capacities(1, { '[z-a]*': 2 }).of('b')).toBe(1)
    expect(new Capacities(1, { '[b-b]*': 2 }).of('b')).toBe(2)
    expect(new Capacities(1, { '[!z-a]*': 2 }).of('b')).toBe(2)
  })

  it.each<[unknown, string]>([
    [0, '0'],
    [-1, '-1'],
    [1.5, '1.5'],
    [NaN, 'NaN'],
    [Infinity, 'Infinity'],
    ['5', '"5"'],
  ])('throws an error with the option and the value for the capacity %s', (value, shown) => {
    const bad = value as number
    expect(() => new Capacities(bad)).toThrow(`capacity must be a whole number of at least 1, not ${shown}.`)
    expect(() => new Capacities(1, [[/^a/, bad]])).toThrow('channelCapacity[/^a/] must be a whole number')
    expect(() => new Capacities(1, { a: bad })).toThrow(TidewayError)
  })
})
