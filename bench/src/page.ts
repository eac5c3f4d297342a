import { busyWords, machineWords } from './machine.ts'
import { betweenMarks, capital, cellText, tableText } from './markdown.ts'
import { isLoadBound, percent } from './report.ts'
import type { Results, Row } from './results.ts'
import { formatNumber, median, range } from './statistics.ts'
import { formatRatio, judge, ratioWords } from './targets.ts'

const BEGIN = '<!-- figures: written by npm run bench -- page -->'
const END = '<!-- end of figures -->'

/** The alternative text of the chart. The tables have the same data. */
const CHART =
  '![Bars: the cost of tideway and of other servers, a panel for each kind of work; the tables below have the same figures.](images/performance.svg)'

/** Puts the figures of a pass into a page, between the marks where those of another stand. */
export function writeFigures(page: string, results: Results): string {
  return betweenMarks(page, BEGIN, END, figuresOf(results))
}

/** The figures in Markdown: the chart, where and when, a table a row, targets, what was left out, versions. */
export function figuresOf(results: Results): string {
  const { rows, runs, seconds, minutes, date } = results
  const busy = busyWords(results.machine)
  const measured = rows.filter(({ figures }) => figures.length > 0)
  const parts = [
    CHART,
    `Measured on ${date.slice(0, 10)} in ${Math.round(minutes)} minutes on ${machineWords(results.machine)}. ` +
      `Medians of ${runs} alternating runs, ${seconds} s each, and in brackets the smallest and the largest.`,
    ...(busy === undefined ? [] : [`**${busy}**`]),
    `Versions: ${Object.entries(results.versions)
      .map(([name, version]) => `${name} ${version}`)
      .join('; ')}.`,
    loadWords(measured),
    ...measured.flatMap((row) => [`### ${capital(row.title)}`, figureTable(row)]),
    '### Against the targets',
    targetTable(measured),
  ]
  if (results.skipped.length > 0) {
    parts.push(
      '### Not measured',
      results.skipped.map(({ what, reason }) => `- ${cellText(what)}: ${cellText(reason)}`).join('\n'),
    )
  }
  return parts.join('\n\n')
}

/** States whether the load was the bottleneck. */
function loadWords(rows: readonly Row[]): string {
  const figures = rows.flatMap(({ title, figures }) => figures.map((figure) => ({ title, figure })))
  const busiest = figures.toSorted((a, b) => b.figure.loadBusy - a.figure.loadBusy)[0]
  if (busiest === undefined) return ''
  const { title, figure } = busiest
  const bound = figures.filter(({ figure }) => isLoadBound(figure)).length
  const verdict =
    bound === 0
      ? 'It was nowhere the bottleneck.'
      : `It was the bottleneck in ${bound} of ${figures.length} figures, marked †.`
  return (
    `The load was busiest beside ${figure.name} (${title}): ${percent(figure.loadBusy)} of its processor, when the server used ` +
    `${percent(figure.serverBusy)} of its own. ${verdict}`
  )
}

function targetTable(rows: readonly Row[]): string {
  const lines = rows.flatMap((row) =>
    judge(row, rows).map(({ target, words, measured, isMet }) => {
      const figure = target.against === undefined ? formatNumber(measured) : formatRatio(measured)
      return [row.title, target.name, words, figure, isMet ? 'met' : '**missed**']
    }),
  )
  return tableText(['work', 'server', 'target', 'measured', ''], ['-', '-', '-', '-:', '-'], lines)
}

function figureTable(row: Row): string {
  const own = row.figures[0]!
  const lines = row.figures.map((figure, index) => {
    const [low, high] = range(figure.values)
    const value = median(figure.values)
    return [
      figure.name,
      `${formatNumber(value)} (${formatNumber(low)} to ${formatNumber(high)})`,
      index === 0 ? '' : ratioWords(row, own, figure),
      formatNumber(figure.perSecond),
      percent(figure.serverBusy),
      `${percent(figure.loadBusy)}${isLoadBound(figure) ? ' †' : ''}`,
    ]
  })
  const head = [
    'server',
    `${row.unit}, ${row.better} is better`,
    `${own.name} / it`,
    'per second',
    'server busy',
    'load busy',
  ]
  const text = tableText(head, ['-', '-:', '-:', '-:', '-:', '-:'], lines)
  const method =
    row.isAtOnce === true
      ? '\n\nLoaded at the same time, on one processor; the ratios are medians of the ratios of the runs.'
      : ''
  if (!row.figures.some(isLoadBound)) return text + method
  return `${text}${method}\n\n† The load was the bottleneck: its rate and latency are the load's, the cost is the server's.`
}
