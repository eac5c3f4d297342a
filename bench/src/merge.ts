import type { Results } from './results.ts'

/**
 * Several passes as one: a row that was measured again takes the place of what it was. Rows are compared within themselves,
 * so each may be of a pass of its own, as long as all are of one machine.
 */
export function mergeResults(passes: readonly Results[]): Results {
  const [first, ...others] = passes
  if (first === undefined) throw new RangeError('There is no pass to merge.')
  return others.reduce(merge, first)
}

function merge(older: Results, newer: Results): Results {
  const { processor, processors, system, node } = newer.machine
  const there = older.machine
  if (
    there.processor !== processor ||
    there.processors !== processors ||
    there.system !== system ||
    there.node !== node
  ) {
    throw new Error(`The passes of ${older.date} and ${newer.date} are of different machines or versions of Node.`)
  }
  // Where the newer pass could not measure a row, the older figures stay.
  const again = new Map(newer.rows.filter(({ figures }) => figures.length > 0).map((row) => [row.id, row]))
  const known = new Set(older.rows.map(({ id }) => id))
  return {
    ...newer,
    machine: { ...newer.machine, loadAverage: Math.max(there.loadAverage, newer.machine.loadAverage) },
    versions: { ...older.versions, ...newer.versions },
    runs: Math.min(older.runs, newer.runs),
    seconds: Math.min(older.seconds, newer.seconds),
    minutes: older.minutes + newer.minutes,
    rows: [...older.rows.map((row) => again.get(row.id) ?? row), ...newer.rows.filter(({ id }) => !known.has(id))],
    skipped: [
      ...older.skipped,
      ...newer.skipped.filter(({ what }) => !older.skipped.some((other) => other.what === what)),
    ],
  }
}
