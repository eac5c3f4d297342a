import type { Figure, Row, Target } from './results.ts'
import { formatNumber, median, range } from './statistics.ts'

/** The result of a target. */
export interface Verdict {
  readonly target: Target
  /** `≤ 2 × uWebSockets.js` */
  readonly words: string
  /** The measured ratio, or the figure itself where the target is a number. */
  readonly measured: number
  readonly isMet: boolean
}

/** Judges the targets of a row. One whose figures were not all measured is left out. */
export function judge(row: Row, rows: readonly Row[]): Verdict[] {
  return row.targets.flatMap((target): Verdict[] => {
    const own = figureOf(row, target.name)
    if (own === undefined) return []
    const sign = row.better === 'lower' ? '≤' : '≥'
    const { against, factor } = target
    if (against === undefined) {
      const measured = median(own.values)
      return [
        { target, words: `${sign} ${formatNumber(factor)} ${row.unit}`, measured, isMet: meets(row, measured, factor) },
      ]
    }
    const beside = against.row === undefined ? row : rows.find(({ id }) => id === against.row)
    const other = figureOf(beside, against.name)
    if (beside === undefined || other === undefined) return []
    const measured = ratioOf(row, own, other)
    const where = against.row === undefined ? '' : `, ${beside.title}`
    return [
      {
        target,
        words: `${sign} ${factorWords(factor)}${against.name}${where}`,
        measured,
        isMet: meets(row, measured, factor),
      },
    ]
  })
}

function figureOf(row: Row | undefined, name: string): Figure | undefined {
  return row?.figures.find((figure) => figure.name === name && figure.values.length > 0)
}

function meets(row: Row, measured: number, limit: number): boolean {
  return row.better === 'lower' ? measured <= limit : measured >= limit
}

/** The ratio of two figures of a row. Servers that were loaded at the same time are compared run by run. */
export function ratioOf(row: Row, own: Figure, other: Figure): number {
  return row.isAtOnce === true ? median(ratiosOf(own, other)) : median(own.values) / median(other.values)
}

/** The ratio, and the smallest and the largest of the runs where the servers were loaded at the same time: `1.04 (1.02 to 1.07)`. */
export function ratioWords(row: Row, own: Figure, other: Figure): string {
  const ratio = formatRatio(ratioOf(row, own, other))
  if (row.isAtOnce !== true) return ratio
  const [low, high] = range(ratiosOf(own, other))
  return `${ratio} (${formatRatio(low)} to ${formatRatio(high)})`
}

function ratiosOf(own: Figure, other: Figure): number[] {
  return own.values.map((value, run) => value / other.values[run]!)
}

/** 0.25 as `1/4 × `, 1.1 as it is. */
function factorWords(factor: number): string {
  if (factor === 1) return ''
  const inverse = 1 / factor
  const isFraction = factor < 0.75 && Math.abs(inverse - Math.round(inverse)) < 1e-9
  return `${isFraction ? `1/${Math.round(inverse)}` : factor} × `
}

/** A ratio as it reads best: 0.22, 1.04, or 1/36 where it is small. */
export function formatRatio(ratio: number): string {
  if (ratio > 0 && ratio < 0.1) return `1/${Math.round(1 / ratio).toLocaleString('en-US')}`
  return ratio >= 10 ? formatNumber(ratio) : ratio.toFixed(2)
}
