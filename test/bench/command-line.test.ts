import { describe, expect, it } from 'vitest'

import { help, namesOf, parseCommandLine, UsageError } from '../../bench/src/command-line.ts'
import { suites, suitesByName } from '../../bench/src/suites.ts'

function suitesOf(...args: string[]): string[] {
  const task = parseCommandLine(args)
  return task.do === 'measure' ? task.suites.map(({ name }) => name) : []
}

describe('the command line of the bench', () => {
  it('measures everything five times without arguments, and with "all"', () => {
    expect(parseCommandLine([])).toEqual({ do: 'measure', suites, runs: 5, seconds: 1, isAtOnce: false })
    expect(parseCommandLine(['all'])).toEqual(parseCommandLine([]))
  })

  it('measures the named suites and rows, each once and in the order of the list', () => {
    expect(suitesOf('echo', 'fanout')).toEqual(['fanout', 'echo'])
    expect(suitesOf('storm-p99', 'storm')).toEqual(['storm'])
    expect(suitesOf('idle', 'handshakes')).toEqual(['handshakes', 'idle'])
  })

  it('measures scale by name only', () => {
    expect(suitesOf('scale')).toEqual(['scale'])
    expect(suitesOf('all')).not.toContain('scale')
  })

  it('accepts each of its names and lists them', () => {
    for (const name of namesOf(suitesByName)) {
      expect(suitesOf(name)).toHaveLength(1)
      expect(help).toContain(name)
    }
  })

  it('accepts runs, seconds, peers and a file', () => {
    const task = parseCommandLine(['echo', '--runs', '2', '--seconds', '0.5', '--peers', 'ws,bun', '--out', 'a.json'])
    expect(task).toMatchObject({ runs: 2, seconds: 0.5, peers: ['ws', 'bun'], out: 'a.json' })
  })

  it('loads all servers of a suite at once by a flag', () => {
    expect(parseCommandLine(['echo', '--at-once'])).toMatchObject({ do: 'measure', isAtOnce: true })
  })

  it('profiles the named suites', () => {
    const task = parseCommandLine(['profile', 'crowd-p99', 'echo', '--peers', 'uws', '--seconds', '2'])
    expect(task).toMatchObject({ do: 'profile', seconds: 2, peers: ['uws'] })
    expect(task.do === 'profile' && task.suites.map(({ name }) => name)).toEqual(['crowd', 'echo'])
  })

  it('installs peers, and makes a chart or a page from a file', () => {
    expect(parseCommandLine(['peers'])).toEqual({ do: 'peers' })
    expect(parseCommandLine(['chart', 'a.json'])).toEqual({ do: 'chart', results: ['a.json'] })
    expect(parseCommandLine(['page', 'a.json', 'c.json', '--out', 'b.md'])).toEqual({
      do: 'page',
      results: ['a.json', 'c.json'],
      out: 'b.md',
    })
    expect(parseCommandLine(['--help'])).toEqual({ do: 'help' })
  })

  it('runs the soak, and passes the arguments of micro on', () => {
    expect(parseCommandLine(['soak'])).toEqual({ do: 'soak', minutes: 15, connections: 5000 })
    expect(parseCommandLine(['soak', '--minutes', '0.5', '--connections', '7'])).toMatchObject({
      minutes: 0.5,
      connections: 7,
    })
    expect(parseCommandLine(['micro', '--fast', 'a'])).toEqual({ do: 'alone', name: 'micro', args: ['--fast', 'a'] })
  })

  it.each([
    [['nothing'], 'There is no "nothing": fanout, '],
    [['--runs', '0'], '--runs has to be a whole number above 0, not "0".'],
    [['--runs', '1.5'], '--runs has to be a whole number'],
    [['--seconds', 'two'], '--seconds has to be a number above 0, not "two".'],
    [['--seconds', ''], '--seconds has to be a number above 0'],
    [['--peers', 'ws,iis'], 'There is no server "iis": tideway, ws, '],
    [['chart'], 'chart takes files of results.'],
    [['page'], 'page takes files of results.'],
    [['profile'], 'profile takes names of suites or rows.'],
    [['soak', '--minutes', '0'], '--minutes has to be a number above 0'],
    [['soak', 'echo'], 'There is no "soak"'],
    [['--fast'], "Unknown option '--fast'"],
  ])('refuses %j', (args, message) => {
    expect(() => parseCommandLine(args)).toThrow(UsageError)
    expect(() => parseCommandLine(args)).toThrow(message)
  })
})

describe('the suites', () => {
  const rows = suitesByName.flatMap((suite) => suite.rows.map((row) => ({ suite, row })))

  it('have an id for each row', () => {
    const ids = rows.map(({ row }) => row.id)
    expect(new Set(ids).size).toBe(ids.length)
  })

  it.each(rows.map(({ suite, row }) => [row.id, suite, row] as const))(
    'compare %s with a measured row',
    (_, suite, row) => {
      const namesIn = (id: string): string[] =>
        suitesByName
          .filter(({ rows }) => rows.some((other) => other.id === id))
          .flatMap(({ cells }) => cells.map(({ name }) => name))
      const own = row.targets.map(({ name }) => name)
      expect(suite.cells.map(({ name }) => name)).toEqual(expect.arrayContaining(own))
      const unknown = row.targets.filter(
        ({ against }) => against !== undefined && !namesIn(against.row ?? row.id).includes(against.name),
      )
      expect(unknown).toEqual([])
    },
  )
})
