import { describe, expect, it } from 'vitest'

import { mergeResults } from '../../bench/src/merge.ts'
import { figuresOf, writeFigures } from '../../bench/src/page.ts'
import { formatRow, isLoadBound } from '../../bench/src/report.ts'
import { writeScale } from '../../bench/src/scale-page.ts'
import { formatNumber, mean, median, range } from '../../bench/src/statistics.ts'
import { formatRatio, judge, ratioWords } from '../../bench/src/targets.ts'
import { figure, results, row } from './sample-results.ts'

describe('figures', () => {
  it('have a median in the middle, or between the two in the middle, and keep the order of the runs', () => {
    const values = [30, 1, 2]
    expect(median(values)).toBe(2)
    expect(values).toEqual([30, 1, 2])
    expect(median([4, 1, 2, 100])).toBe(3)
    expect(median([7])).toBe(7)
    expect(() => median([])).toThrow('no median of nothing')
  })

  it('have a mean and a range', () => {
    expect(mean([1, 2, 6])).toBe(3)
    expect(range([3, 1, 2])).toEqual([1, 3])
  })

  it.each([
    [0.02138, '0.0214'],
    [2.149, '2.15'],
    [13.24, '13.2'],
    [99.96, '100'],
    [6410.4, '6,410'],
    [1_692_000, '1,692,000'],
    [0, '0'],
    [Infinity, '–'],
  ])('are written with three digits that count: %d as %s', (value, text) => {
    expect(formatNumber(value)).toBe(text)
  })

  it.each([
    [0.2204, '0.22'],
    [1.129, '1.13'],
    [1 / 36.4, '1/36'],
    [1 / 1200, '1/1,200'],
    [12.3, '12.3'],
  ])('ratio %d is written as %s', (ratio, text) => {
    expect(formatRatio(ratio)).toBe(text)
  })
})

describe('a target', () => {
  const verdictOf = (own: number, other: number, better: 'lower' | 'higher', factor: number) => {
    const targets = [{ name: 'a', factor, against: { name: 'b' } }]
    return judge(row({ better, figures: [figure('a', [own]), figure('b', [other])], targets }), [])[0]!
  }

  it('is met at its limit and missed beyond it, where lower is better', () => {
    expect(verdictOf(2, 4, 'lower', 0.5)).toMatchObject({ isMet: true, words: '≤ 1/2 × b', measured: 0.5 })
    expect(verdictOf(2.01, 4, 'lower', 0.5).isMet).toBe(false)
  })

  it('is met at its limit and missed below it, where higher is better', () => {
    expect(verdictOf(90, 100, 'higher', 0.9)).toMatchObject({ isMet: true, words: '≥ 0.9 × b' })
    expect(verdictOf(89, 100, 'higher', 0.9).isMet).toBe(false)
  })

  it('may be a number', () => {
    const limited = row({ unit: 'kB', targets: [{ name: 'tideway', factor: 2 }] })
    expect(judge(limited, [])).toMatchObject([{ words: '≤ 2.00 kB', measured: 2, isMet: true }])
    expect(judge({ ...limited, targets: [{ name: 'tideway', factor: 1.99 }] }, [])[0]!.isMet).toBe(false)
  })

  it('may be compared with another row', () => {
    const echo = row({ id: 'echo', title: 'the echo', figures: [figure('tideway', [3])] })
    const targets = [{ name: 'tideway', factor: 2, against: { name: 'tideway', row: 'echo' } }]
    const groups = row({ id: 'groups', figures: [figure('tideway', [7])], targets })
    expect(judge(groups, [groups, echo])).toMatchObject([{ words: '≤ 2 × tideway, the echo', isMet: false }])
    expect(judge(groups, [groups])).toEqual([])
  })

  it('compares servers that were loaded at the same time run by run', () => {
    const figures = [figure('a', [10, 40, 21]), figure('b', [10, 40, 20])]
    const paired = row({ isAtOnce: true, figures, targets: [{ name: 'a', factor: 1.1, against: { name: 'b' } }] })
    expect(judge(paired, [])).toMatchObject([{ measured: 1, isMet: true }])
    expect(ratioWords(paired, figures[0]!, figures[1]!)).toBe('1.00 (1.00 to 1.05)')
    expect(ratioWords({ ...paired, isAtOnce: false }, figures[0]!, figures[1]!)).toBe('1.05')
  })

  it('is omitted if it or the compared row was not measured', () => {
    expect(judge(row({ figures: [figure('tideway', [1])] }), [])).toEqual([])
    expect(judge(row({ figures: [figure('ws', [1])] }), [])).toEqual([])
    expect(judge(row({ figures: [figure('tideway', [1]), figure('ws', [])] }), [])).toEqual([])
  })
})

describe('a row in the terminal', () => {
  it('has a line per server with its median, its range, the ratio and the results of the targets', () => {
    const lines = formatRow(row(), [row()]).split('\n')
    expect(lines[0]).toBe('fan-out · µs a delivery, lower is better, medians of 3')
    expect(lines[1]).toMatch(/^ {2}tideway +2\.00 +1\.00 to 3\.00 .*1,000\/s +server 100 % +load 50 %$/)
    expect(lines[2]).toMatch(/^ {2}ws +9\.00 +8\.00 to 10\.0 +ratio 0\.22 /)
    expect(lines[4]).toBe('  met     tideway ≤ 1/4 × ws: 0.22')
    const missed = row({ targets: [{ name: 'tideway', factor: 0.2, against: { name: 'ws' } }] })
    expect(formatRow(missed, [missed])).toContain('MISSED  tideway ≤ 1/5 × ws: 0.22')
  })

  it('has the spread of the ratios of servers that were loaded at the same time', () => {
    const lines = formatRow(row({ isAtOnce: true, figures: [figure('a', [1, 3]), figure('b', [2, 3])] }), []).split(
      '\n',
    )
    expect(lines[0]).toBe('fan-out · µs a delivery, lower is better, medians of 2, loaded at the same time')
    expect(lines[2]).toMatch(/^ {2}b +2\.50 +2\.00 to 3\.00 +ratio 0\.75 \(0\.50 to 1\.00\) /)
  })

  it('reports that nothing was measured, or that the load was the bottleneck', () => {
    expect(formatRow(row({ figures: [] }), [])).toBe('fan-out: nothing was measured.')
    expect(isLoadBound(figure('uws', [1], { loadBusy: 0.99, serverBusy: 0.6 }))).toBe(true)
    expect(isLoadBound(figure('ws', [1], { loadBusy: 0.99, serverBusy: 0.99 }))).toBe(false)
    const bound = row({ figures: [figure('uws', [1], { loadBusy: 0.99, serverBusy: 0.6 })] })
    expect(formatRow(bound, [])).toContain('the load was the bottleneck')
  })
})

describe('the page', () => {
  const page =
    '# Speed\n\n<!-- figures: written by npm run bench -- page -->\n\nold\n\n<!-- end of figures -->\n\nBelow.\n'

  it('has the figures between its marks, and keeps the text around them', () => {
    const written = writeFigures(page, results())
    expect(written).toMatch(/^# Speed\n\n<!-- figures/)
    expect(written).toMatch(/<!-- end of figures -->\n\nBelow\.\n$/)
    expect(written).not.toContain('old')
    expect(writeFigures(written, results())).toBe(written)
    expect(() => writeFigures('# Speed\n', results())).toThrow('no place for figures')
  })

  it('names machine, versions, date and method', () => {
    const text = figuresOf(results())
    expect(text).toContain('2026-03-04')
    expect(text).toContain('](images/performance.svg)')
    expect(text).toContain('2 × a processor, 8 GiB, Linux 1.2.3, Node 20.20.2')
    expect(text).toContain('tideway 0.1.0; ws 8.0.0')
    expect(text).toContain('Medians of 3 alternating runs, 1.5 s each')
  })

  it('has targets and figures as tables, and a mark for a missed target', () => {
    const missed = row({ id: 'idle', targets: [{ name: 'tideway', factor: 1 }] })
    const text = figuresOf(results({ rows: [row(), missed] }))
    expect(text).toContain('| fan-out | tideway | ≤ 1/4 × ws | 0.22 | met |')
    expect(text).toContain('| fan-out | tideway | ≤ 1.00 µs a delivery | 2.00 | **missed** |')
    expect(text).toContain('| ws | 9.00 (8.00 to 10.0) | 0.22 | 1,000 | 100 % | 50 % |')
    expect(text).toContain('| Channels | 100 (100 to 100) | 1/50 | 1,000 | 100 % | 50 % |')
  })

  it('reports that the machine was busy with other work', () => {
    const at = (loadAverage: number) => figuresOf(results({ machine: { ...results().machine, loadAverage } }))
    expect(at(0.9)).not.toContain('other work')
    expect(at(1)).toContain('**The machine had other work in the minute before (load average 1.0 on 2 processors)')
    expect(at(1.9)).toContain('trust the ratios')
    expect(at(2)).toContain('**The machine was busy with other work (load average 2.0 on 2 processors)')
  })

  it('reports where the load was busiest, and whether it was the bottleneck', () => {
    expect(figuresOf(results())).toContain('It was nowhere the bottleneck.')
    const figures = [figure('tideway', [1]), figure('uws', [1], { loadBusy: 0.99, serverBusy: 0.6 })]
    const text = figuresOf(results({ rows: [row({ figures })] }))
    expect(text).toContain('busiest beside uws (fan-out): 99 % of its processor, when the server used 60 % of its own.')
    expect(text).toContain('It was the bottleneck in 1 of 2 figures')
    expect(text).toContain('| 60 % | 99 % † |')
  })

  it('lists omitted rows in one line each, for any reason', () => {
    const skipped = [{ what: 'Bun', reason: 'not installed;\nnpm | install' }]
    expect(figuresOf(results({ skipped }))).toContain('- Bun: not installed; npm \\| install')
    expect(figuresOf(results())).not.toContain('Not measured')
  })

  it('omits a row without measurements', () => {
    expect(figuresOf(results({ rows: [row(), row({ title: 'unmeasured', figures: [] })] }))).not.toContain('Unmeasured')
  })
})

describe('the page of scale', () => {
  it('has the costs beside the floor, the memory, and the groups, between its marks', () => {
    const names = ['tideway, 1 connection', 'C, 1 connection', 'tideway, 1,000 connections']
    const rows = [
      row({
        id: 'scale-connections',
        figures: names.map((name, i) => figure(name, [6, 2 + i, 6], i === 2 ? { servers: 3 } : {})),
      }),
      row({ id: 'scale-resident', figures: names.map((name) => figure(name, [70])) }),
      row({ id: 'scale-memory', figures: [figure(names[2]!, [12.3])] }),
      row({ id: 'scale-groups', figures: [figure('tideway, 100 groups', [5])] }),
    ]
    const page = '# A\n\n<!-- scale: written by npm run bench -- page -->\n\nold\n\n<!-- end of scale -->\n\nBelow.\n'
    const written = writeScale(page, results({ rows }))
    expect(written).toContain('](../images/scale.svg)')
    expect(written).toContain('| 1 connection | 6.00 (2.00 to 6.00) | 6.00 (3.00 to 6.00) | 1.00 | 70.0 | – |')
    expect(written).toContain('| 1,000 connections, in 3 processes | 6.00 (4.00 to 6.00) | – | – | 70.0 | 12.3 |')
    expect(written).toContain('| 100 groups | 5.00 | – |')
    expect(writeScale(written, results({ rows }))).toBe(written)
  })
})

describe('merged passes', () => {
  const older = results({ rows: [row(), row({ id: 'idle', title: 'idle' })], skipped: [{ what: 'Bun', reason: 'no' }] })

  it('replace a row that was measured again', () => {
    const again = row({ id: 'idle', title: 'idle', figures: [figure('tideway', [7])] })
    const newer = results({
      date: '2026-03-05T00:00:00.000Z',
      minutes: 1,
      runs: 2,
      rows: [again, row({ id: 'new' })],
      skipped: [{ what: 'Bun', reason: 'still not' }],
      versions: { bun: '1' },
    })
    const merged = mergeResults([older, newer])
    expect(merged.rows.map(({ id }) => id)).toEqual(['fanout-8', 'idle', 'new'])
    expect(merged.rows[1]).toBe(again)
    expect(merged).toMatchObject({ date: newer.date, minutes: 3.4, runs: 2, skipped: older.skipped })
    expect(merged.versions).toEqual({ tideway: '0.1.0', ws: '8.0.0', bun: '1' })
    expect(mergeResults([older])).toBe(older)
  })

  it('keep a row that the later pass could not measure, and the busier state of the machine', () => {
    const failed = results({ rows: [row({ figures: [] })] })
    const busy = results({ machine: { ...older.machine, loadAverage: 5 } })
    expect(mergeResults([older, failed]).rows[0]).toBe(older.rows[0])
    expect(mergeResults([busy, older]).machine.loadAverage).toBe(5)
  })

  it('are refused for different machines', () => {
    const elsewhere = results({ machine: { ...older.machine, processor: 'another' } })
    expect(() => mergeResults([older, elsewhere])).toThrow('are of different machines')
  })
})
