import type { Figure, Row } from './results.ts'
import { formatNumber, median, range } from './statistics.ts'
import { formatRatio, judge, ratioWords } from './targets.ts'

/** The load is the bottleneck if its processor was full and that of the server was not: then only the cost is meaningful. */
export function isLoadBound({ loadBusy, serverBusy }: Figure): boolean {
  return loadBusy > 0.97 && serverBusy < 0.9
}

/** A row for the terminal: a line a server, the ratio of the first one to each other, and the results of the targets. */
export function formatRow(row: Row, rows: readonly Row[]): string {
  const figures = row.figures.filter(({ values }) => values.length > 0)
  const own = figures[0]
  if (own === undefined) return `${row.title}: nothing was measured.`
  const width = Math.max(...figures.map(({ name }) => name.length))
  const lines = figures.map((figure, index) => {
    const [low, high] = range(figure.values)
    const ratio = index === 0 ? '' : `ratio ${ratioWords(row, own, figure)}`
    return [
      `  ${figure.name.padEnd(width)}`,
      formatNumber(median(figure.values)).padStart(9),
      `${formatNumber(low)} to ${formatNumber(high)}`.padStart(18),
      ratio.padStart(row.isAtOnce === true ? 27 : 12),
      `${formatNumber(figure.perSecond)}/s`.padStart(13),
      `server ${percent(figure.serverBusy)}  load ${percent(figure.loadBusy)}${isLoadBound(figure) ? '  (the load was the bottleneck)' : ''}`,
    ].join('  ')
  })
  const verdicts = judge(row, rows).map(
    ({ target, words, measured, isMet }) =>
      `  ${isMet ? 'met   ' : 'MISSED'}  ${target.name} ${words}: ${target.against === undefined ? formatNumber(measured) : formatRatio(measured)}`,
  )
  const method = row.isAtOnce === true ? ', loaded at the same time' : ''
  const head = `${row.title} · ${row.unit}, ${row.better} is better, medians of ${own.values.length}${method}`
  return [head, ...lines, ...verdicts].join('\n')
}

export function percent(share: number): string {
  return `${Math.round(share * 100)} %`
}
