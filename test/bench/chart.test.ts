import { describe, expect, it } from 'vitest'

import { drawChart, drawScaleChart, drawShortChart } from '../../bench/src/chart.ts'
import { figure, results, row } from './sample-results.ts'

/** The text with its tags, if they close in the order in which they opened. */
function tagsOf(svg: string): string[] {
  const open: string[] = []
  const wronglyClosed: string[] = []
  const all: string[] = []
  for (const [tag, closing, name, , selfClosing] of svg.matchAll(
    /<(\/?)([a-z]+)((?:\s+[\w-]+(?::\w+)?="[^"<]*")*)\s*(\/?)>/gi,
  )) {
    all.push(tag)
    if (closing !== '/' && selfClosing !== '/') open.push(name!)
    if (closing === '/' && open.pop() !== name) wronglyClosed.push(tag)
  }
  expect([...open, ...wronglyClosed]).toEqual([])
  // Nothing that looks like a tag was passed over.
  expect(svg.match(/</g)).toHaveLength(all.length)
  return all
}

function barsOf(svg: string): { readonly own: boolean; readonly width: number }[] {
  return [...svg.matchAll(/<rect( class="own")? [^>]*width="([\d.]+)"/g)].map(([, own, width]) => ({
    own: own !== undefined,
    width: Number(width),
  }))
}

describe('the chart', () => {
  it('is well-formed, with a title and a description', () => {
    const svg = drawChart(results())
    expect(tagsOf(svg)[0]).toMatch(/^<svg .*role="img" aria-labelledby="title description">$/)
    expect(svg).toContain('<title id="title">tideway beside other servers</title>')
    expect(svg).toContain('fan-out, µs a delivery, lower is better: tideway 2.00, ws 9.00, Channels 100.')
  })

  it('names date, machine and versions in lines of limited length', () => {
    const svg = drawChart(results())
    expect(svg).toContain('2026-03-04 · 2 × a processor')
    expect(svg).toContain('tideway 0.1.0, ws 8.0.0')
    const versions = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`server ${i}`, '1.2.3 of today']))
    const lines = [...drawChart(results({ versions })).matchAll(/class="foot"[^>]*>([^<]*)</g)].map(([, text]) => text!)
    expect(lines.length).toBeGreaterThan(3)
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThan(140)
    expect(lines.join(' ')).toContain('server 19 1.2.3')
  })

  it('escapes text', () => {
    const svg = drawChart(results({ rows: [row({ title: 'a < b & "c"', figures: [figure('<ws>', [1])] })] }))
    tagsOf(svg)
    expect(svg).toContain('a &lt; b &amp; &quot;c&quot;')
    expect(svg).toContain('&lt;ws&gt;')
  })

  it('draws bars in proportion to the figures, the best first, with a separate color for tideway', () => {
    const figures = [figure('tideway', [2]), figure('ws', [4]), figure('best', [1])]
    const [best, own, ws] = barsOf(drawChart(results({ rows: [row({ figures })] })))
    expect(own!.own).toBe(true)
    expect([best!.own, ws!.own]).toEqual([false, false])
    expect(own!.width / best!.width).toBeCloseTo(2, 2)
    expect(ws!.width / best!.width).toBeCloseTo(4, 2)
    const higher = barsOf(drawChart(results({ rows: [row({ figures, better: 'higher' })] })))
    expect(higher.map(({ own }) => own)).toEqual([false, true, false])
    expect(higher[0]!.width).toBeGreaterThan(higher[1]!.width)
  })

  it('shortens a bar that would hide the others, with a mark, and keeps its figure', () => {
    const svg = drawChart(results())
    const [own, ws, channels] = barsOf(svg)
    expect(channels!.width / ws!.width).toBeCloseTo(3, 1)
    expect(ws!.width / own!.width).toBeCloseTo(4.5, 1)
    expect(svg.match(/<path /g)).toHaveLength(1)
    expect(svg).toContain('>100</text>')
  })

  it('is readable on a white and on a dark background', () => {
    expect(drawChart(results())).toContain('prefers-color-scheme: dark')
  })

  it('omits rows that were not measured', () => {
    expect(barsOf(drawChart(results({ rows: [row({ figures: [] })] })))).toEqual([])
  })

  it('has a form for scale: its rows only, in the order of their numbers, in bars of their whole length', () => {
    const figures = [1, 100, 10].map((cost, index) => figure(`tideway, ${10 ** index} groups`, [cost]))
    const svg = drawScaleChart(results({ rows: [row({ id: 'scale-groups', figures }), row({ id: 'echo', figures })] }))
    tagsOf(svg)
    const widths = barsOf(svg).map(({ width }) => width)
    expect(widths).toHaveLength(3)
    expect(widths[1]! / widths[2]!).toBeCloseTo(10, 1)
    expect(svg).toContain('tideway, 1 groups 1.00, tideway, 10 groups 100, tideway, 100 groups 10.0.')
  })

  it('has a short form: five servers of one row, in bars of their whole length', () => {
    const names = ['tideway', 'tideway, static handler', 'uWebSockets.js', 'ws', 'Socket.IO', 'Bun']
    const figures = names.map((name, i) => figure(name, [10 ** i]))
    const svg = drawShortChart(results({ rows: [row({ id: 'fanout-8', figures }), row({ id: 'echo', figures })] }))
    tagsOf(svg)
    const widths = barsOf(svg).map(({ width }) => width)
    expect(widths).toHaveLength(5)
    expect(widths[4]! / widths[3]!).toBeCloseTo(10)
    expect(svg).not.toContain('Bun')
  })
})
