import type { Work } from './work.ts'

/** The figures of one work: those of each server, one a run. */
export interface Row {
  readonly work: Work
  readonly figures: ReadonlyMap<string, readonly number[]>
}

/** One line a work: the median of each server, and how many times the first server's each other one is. */
export function formatRow({ work, figures }: Row): string {
  const [first, ...others] = [...figures]
  if (first === undefined) throw new RangeError('A row needs a server.')
  const [name, ownFigures] = first
  const own = median(ownFigures)
  const cells = others.map(([peer, values]) => {
    const theirs = median(values)
    return `${peer} ${theirs.toFixed(2)}   ${name}/${peer} ${(own / theirs).toFixed(2)}`
  })
  return `${work.title} (${work.unit}): ${name} ${own.toFixed(2)}   ${cells.join('   ')}   (medians of ${ownFigures.length})`
}

/** The middle value; of an even number, the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}
