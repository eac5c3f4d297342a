import { machineWords } from '../src/machine.ts'
import { betweenMarks, capital, tableText } from '../src/markdown.ts'
import type { LossResults, LossTable } from './results.ts'
import { scenarios } from './scenarios.ts'
import { costTable, deliveryTable, LATE_MS, type TextTable } from './table.ts'

const BEGIN = '<!-- loss: written by npm run bench -- page -->'
const END = '<!-- end of loss -->'

interface Measured {
  readonly table: LossTable
  readonly results: LossResults
}

/** Puts the tables of loss into a page, between their marks. Rows of a later file replace those of an earlier one. */
export function writeLoss(page: string, files: readonly LossResults[]): string {
  const newest = new Map<string, Measured>()
  for (const results of files) {
    for (const table of results.tables) {
      const earlier = newest.get(table.scenario)
      newest.set(table.scenario, earlier === undefined ? { table, results } : merge(earlier, { table, results }))
    }
  }
  const parts = Object.keys(scenarios).flatMap((name) => {
    const found = newest.get(name)
    return found === undefined ? [] : sectionOf(found.table, found.results)
  })
  return betweenMarks(page, BEGIN, END, parts.join('\n\n'))
}

/** Rows of different settings or machines do not belong into one table: then the later table replaces the earlier one. */
function merge(earlier: Measured, later: Measured): Measured {
  const { machine } = later.results
  const isComparable =
    JSON.stringify(earlier.table.settings) === JSON.stringify(later.table.settings) &&
    machineWords(earlier.results.machine) === machineWords(machine)
  if (!isComparable) return later
  const rows = new Map([...earlier.table.rows, ...later.table.rows].map((row) => [row.name, row]))
  const skipped = [...earlier.table.skipped, ...later.table.skipped].filter(({ what }) => !rows.has(what))
  const loadAverage = Math.max(earlier.results.machine.loadAverage, machine.loadAverage)
  const order = scenarios[later.table.scenario].contenders.flatMap(({ name }) => rows.get(name) ?? [])
  return {
    table: { ...later.table, rows: order, skipped },
    results: {
      ...later.results,
      machine: { ...machine, loadAverage },
      versions: { ...earlier.results.versions, ...later.results.versions },
    },
  }
}

function sectionOf(table: LossTable, { date, machine, versions }: LossResults): string[] {
  const { title, words } = scenarios[table.scenario]
  const measured = table.rows.map(({ name }) => `${name} ${versions[name]}`).join('; ')
  const load =
    machine.loadAverage < machine.processors / 2
      ? ''
      : ` **The machine was busy with other work (load average ${machine.loadAverage.toFixed(1)}): times, costs and the losses of servers that do not resume are upper bounds.**`
  const late = table.rows.filter(({ loopDelayP99Ms }) => loopDelayP99Ms > LATE_MS)
  const lateMs = Math.round(Math.max(...late.map(({ loopDelayP99Ms }) => loopDelayP99Ms)))
  return [
    `### ${capital(title)}`,
    `\`${table.command}\`: ${words(table.settings)}`,
    `Measured on ${date.slice(0, 10)} on ${machineWords(machine)}.${load} Versions: ${measured}.`,
    markdown(deliveryTable(table)),
    markdown(costTable(table)),
    ...(late.length === 0
      ? []
      : [
          `† The clients themselves were late by up to ${lateMs} ms (99th percentile of their event loop), so the times are too long by as much.`,
        ]),
    ...(table.skipped.length === 0
      ? []
      : [table.skipped.map(({ what, reason }) => `- Not measured: ${what}: ${reason}`).join('\n')]),
  ]
}

function markdown({ head, rows }: TextTable): string {
  return tableText(head, ['-', ...head.slice(1).map(() => '-:')], rows)
}
