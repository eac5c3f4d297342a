import { describe, expect, it } from 'vitest'

import { sourceFlags } from '../../bench/loss/child.ts'
import { alone, together } from '../../bench/loss/contenders.ts'
import { Ledger } from '../../bench/loss/ledger.ts'
import type { LoadReport } from '../../bench/loss/load-report.ts'
import { measureLoss } from '../../bench/loss/measure.ts'
import { parseLoss } from '../../bench/loss/options.ts'
import { writeLoss } from '../../bench/loss/page.ts'
import type { LossResults, LossRow, LossSettings } from '../../bench/loss/results.ts'
import { scenarios } from '../../bench/loss/scenarios.ts'
import { fatalFlags, type Evidence } from '../../bench/loss/validity.ts'
import { parseCommandLine } from '../../bench/src/command-line.ts'
import { describeWith } from '../setup/describe-with.ts'
import { fromSources } from '../setup/from-sources.ts'
import { results } from './sample-results.ts'

describe('the ledger of a client', () => {
  // A number is a message, "told" a notice of the server. Five messages are published.
  it.each<[string, (number | 'told')[], object]>([
    ['all in order', [1, 2, 3, 4, 5], { delivered: 5 }],
    ['nothing', [], { delivered: 0, lostAndNotTold: 5 }],
    ['a gap', [1, 2, 5], { delivered: 3, lostAndNotTold: 2 }],
    ['a gap after a notice', [1, 2, 'told', 5], { delivered: 3, lostAndTold: 2 }],
    ['a notice without a gap, then a gap', [1, 'told', 2, 4, 5], { delivered: 4, lostAndNotTold: 1 }],
    ['a gap, then a notice', [1, 3, 'told', 4, 5], { delivered: 4, lostAndNotTold: 1 }],
    ['an end that is missing', [1, 2, 3], { delivered: 3, lostAndNotTold: 2 }],
    ['a missing end after a notice', [1, 2, 3, 'told'], { delivered: 3, lostAndTold: 2 }],
    ['repeated messages', [1, 2, 2, 3, 4, 1, 5], { delivered: 5, duplicates: 2 }],
    ['a late message', [1, 3, 2, 4, 5], { delivered: 5, outOfOrder: 1 }],
    ['a late message twice', [1, 3, 2, 2, 4, 5], { delivered: 5, outOfOrder: 1, duplicates: 1 }],
    ['more than was published', [1, 2, 3, 4, 5, 6, 8], { delivered: 5, unknown: 2 }],
  ])('counts %s', (_name, received, expected) => {
    const ledger = new Ledger()
    for (const one of received) {
      if (one === 'told') ledger.notice()
      else ledger.message(one)
    }
    const zeros = { duplicates: 0, outOfOrder: 0, lostAndTold: 0, lostAndNotTold: 0, unknown: 0 }
    expect(ledger.counts(5)).toEqual({ expected: 5, ...zeros, ...expected })
  })
})

const counts = {
  expected: 20,
  delivered: 20,
  duplicates: 0,
  outOfOrder: 0,
  lostAndTold: 0,
  lostAndNotTold: 0,
  unknown: 0,
}

const load: LoadReport = {
  clients: 2,
  counts,
  highest: 10,
  joinedAtMs: 90,
  catchUpMs: [3],
  openMs: [1],
  awayMs: [2000, 2001, 2002],
  silenceMs: [2500, 2600],
  returns: 3,
  cutClients: 2,
  neverBack: 0,
  ignored: 0,
  minLatencyMs: 0.2,
  busy: 0.5,
  loopDelayP99Ms: 20,
}

const evidence: Evidence = {
  loads: [load, load],
  published: 20,
  wanted: 20,
  firstSentMs: 100,
  publishingMs: 5000,
  wantedMs: 5000,
  perRoom: 10,
  awayMs: 2000,
  minCutShare: 0.95,
}

describe('the validity of a run', () => {
  it('has no flag for a run as it should be', () => {
    expect(fatalFlags(evidence)).toEqual([])
  })

  it.each<[string, Partial<Evidence>]>([
    ['the server had ended', { failure: 'the server had ended' }],
    ['the publisher published 19 of 20 messages', { published: 19 }],
    ['publishing took 7000 ms instead of 5000 ms', { publishingMs: 7000 }],
    ['clients of 1 load processes joined after the first message', { loads: [load, { ...load, joinedAtMs: 101 }] }],
    ['more than 100 %: 3 messages arrived', { loads: [{ ...load, counts: { ...counts, unknown: 3 } }, load] }],
    ['clocks differ: a message arrived 7 ms before it was sent', { loads: [{ ...load, minLatencyMs: -7 }, load] }],
    ['1 load processes received nothing', { loads: [{ ...load, counts: { ...counts, delivered: 0 } }, load] }],
    [
      'no client received a message after number 7 of 10',
      { loads: [load, load].map((one) => ({ ...one, highest: 7 })) },
    ],
    ['the load used 91 % of a processor', { loads: [{ ...load, busy: 0.91 }, load] }],
    ['the event loop of the load was late by 1001 ms', { loads: [{ ...load, loopDelayP99Ms: 1001 }, load] }],
    ['only 3 of 4 clients lost their connection, not 95 %', { loads: [{ ...load, cutClients: 1 }, load] }],
    ['no client was away', { loads: [{ ...load, awayMs: [] }] }],
    ['a client returned after 1900 ms instead of 2000 ms', { loads: [{ ...load, awayMs: [1900, 2000] }] }],
    ['half of the clients were away for 2300 ms or longer', { loads: [{ ...load, awayMs: [2000, 2300, 2300] }] }],
    ['clients were away for 3500 ms (p99) instead of 2000 ms', { loads: [{ ...load, awayMs: [2000, 2000, 3500] }] }],
  ])('has the flag "%s"', (words, change) => {
    expect(fatalFlags({ ...evidence, ...change })).toEqual([expect.stringContaining(words)])
  })
})

describe('the command line of the bench of loss', () => {
  it('accepts its scenarios, settings and servers', () => {
    expect(parseLoss(['crash', 'jitter', '--clients', '10', '--calm', '0.5', '--servers', 'ws,tideway'])).toEqual({
      scenarios: ['crash', 'jitter'],
      settings: { clients: 10, calmSeconds: 0.5 },
      servers: ['ws', 'tideway'],
      out: undefined,
    })
    expect(parseCommandLine(['avalanche'])).toMatchObject({ do: 'loss', task: { scenarios: ['avalanche'] } })
    expect(parseCommandLine(['resume'])).toEqual({ do: 'alone', name: 'kept', args: ['resume'] })
  })

  it.each([
    [['jitter', 'echo'], 'There is no "echo" beside jitter, crash, avalanche.'],
    [['jitter', '--clients', '1.5'], '--clients has to be a whole number above 0, not "1.5".'],
    [['jitter', '--servers', 'bun'], 'There is no server "bun": tideway, '],
    [['jitter', '--runs', '2'], "Unknown option '--runs'"],
  ])('refuses %j', (args, message) => {
    expect(() => parseCommandLine(args)).toThrow(message)
  })
})

describe('the page of the bench of loss', () => {
  const row: LossRow = {
    name: 'tideway',
    counts: { ...counts, expected: 100_000, delivered: 99_999, lostAndTold: 1 },
    returns: 1234,
    neverBack: 0,
    ignored: 0,
    catchUpMs: { p50: 3, p95: 10, p99: 20.4 },
    openMs: undefined,
    silenceMs: { p50: 2500, max: 2700 },
    cpuUsPerReturn: 321,
    redisCommandsPerReturn: 0.01,
    peakBusy: 0.5,
    loadBusy: 0.2,
    loopDelayP99Ms: 20,
  }
  const ofLoss = (more: Partial<LossRow>, loadAverage = 0.1): LossResults => {
    const { machine, versions, date } = results()
    const rows = [{ ...row, ...more }]
    const { defaults: settings, name: scenario } = scenarios.jitter
    const table = {
      scenario,
      command: 'npm run bench -- jitter',
      settings,
      rows,
      skipped: [{ what: 'ws', reason: 'no' }],
    }
    return { kind: 'loss', date, machine: { ...machine, loadAverage }, versions, tables: [table] }
  }
  const page = 'Above.\n\n<!-- loss: written by npm run bench -- page -->\n\nold\n\n<!-- end of loss -->\n\nBelow.\n'

  it('has a section per scenario with its command, the machine and the columns', () => {
    const text = writeLoss(page, [ofLoss({})])
    expect(text).toContain('### Clients that are cut all the time\n\n`npm run bench -- jitter`: 1,000 clients')
    expect(text).toContain('Measured on 2026-03-04 on 2 × a processor')
    expect(text).toContain('| tideway | 99.99 % | 0 | 0 | 1 | **0** |')
    expect(text).toContain('| tideway | 1,234 | – | 3.00 / 10.0 / 20.4 | 2.50 / 2.70 | 321 | – |')
    expect(text).toContain('- Not measured: ws: no')
    expect(text).not.toMatch(/\nold\n|busy with other work|†/)
    expect(writeLoss(text, [ofLoss({})])).toBe(text)
  })

  it('keeps the rows that a later file does not have, unless its settings differ', () => {
    const ofWs = ofLoss({ name: 'ws by hand' })
    expect(writeLoss(page, [ofWs, ofLoss({})])).toMatch(/\| tideway \| 99\.99 %.*\n\| ws by hand \| 99\.99 %/)
    const small = ofLoss({})
    const tables = small.tables.map((table) => ({ ...table, settings: { ...table.settings, clients: 5 } }))
    expect(writeLoss(page, [ofWs, { ...small, tables }])).not.toContain('ws by hand')
  })

  it('replaces a scenario that was measured again, and reports a busy machine and late clients', () => {
    const text = writeLoss(page, [ofLoss({}), ofLoss({ returns: 77, loopDelayP99Ms: 150 }, 5)])
    expect(text).toContain('| tideway † | 77 |')
    expect(text).not.toContain('1,234')
    expect(text).toContain('busy with other work (load average 5.0)')
    expect(text).toContain('late by up to 150 ms')
  })
})

describeWith(['redis'], 'a run of the bench of loss', () => {
  sourceFlags.splice(0, Infinity, ...fromSources)

  const few: LossSettings = {
    clients: 6,
    roomSize: 3,
    messages: 16,
    rate: 4,
    calmSeconds: 0.5,
    everySeconds: 1,
    awaySeconds: 0.3,
    shards: 1,
  }
  const expected = 6 * 2 * 18
  const find = (key: string) => [...alone, ...together].find((contender) => contender.key === key)!

  it('counts no loss for tideway while its clients are cut', async () => {
    const { row } = await measureLoss(scenarios.jitter, find('tideway'), few)
    const none = { duplicates: 0, outOfOrder: 0, lostAndTold: 0, lostAndNotTold: 0, unknown: 0 }
    expect(row.counts).toEqual({ expected, delivered: expected, ...none })
    expect(row.returns).toBeGreaterThan(0)
    expect(row.catchUpMs).toBeDefined()
  })

  it('counts the loss of a server without a log after a crash', async () => {
    const { row } = await measureLoss(scenarios.crash, find('ws-redis'), few)
    expect(row.counts).toMatchObject({ expected, duplicates: 0, lostAndTold: 0, unknown: 0 })
    expect(row.counts.lostAndNotTold).toBeGreaterThan(0)
    expect(row.counts.delivered + row.counts.lostAndNotTold).toBe(expected)
    expect(row.returns).toBe(3)
  })
})
