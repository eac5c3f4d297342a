import { busyWords, machineWords } from './machine.ts'
import { betweenMarks, tableText } from './markdown.ts'
import type { Figure, Results, Row } from './results.ts'
import { formatNumber, median, range } from './statistics.ts'

const BEGIN = '<!-- scale: written by npm run bench -- page -->'
const END = '<!-- end of scale -->'

/** The alternative text of the chart. The tables have the same data. */
const CHART =
  '![Bars: the cost of a delivery and the memory of a connection, with more and more connections and groups; the tables below have the figures.](../images/scale.svg)'

const OWN = 'tideway, '
const FLOOR = 'C, '

/** Puts the figures of the suite `scale` into a page, between the marks where those of another pass stand. */
export function writeScale(page: string, results: Results): string {
  const { runs, seconds, date, machine } = results
  const busy = busyWords(machine)
  const text = [
    CHART,
    `\`npm run bench -- scale\` on ${date.slice(0, 10)}, ${machineWords(machine)}. ` +
      `${runs === 1 ? 'One run' : `Medians of ${runs} runs`}, ${seconds} s for each figure, and in brackets the smallest and the largest.`,
    ...(busy === undefined ? [] : [`**${busy}**`]),
    connectionTable(results),
    groupTable(results),
  ]
  return betweenMarks(page, BEGIN, END, text.join('\n\n'))
}

function rowOf({ rows }: Results, id: string): Row | undefined {
  return rows.find((row) => row.id === id)
}

function words(row: Row | undefined, name: string): string {
  const values = figureOf(row, name)?.values
  if (values === undefined) return '–'
  const [low, high] = range(values)
  return values.length === 1
    ? formatNumber(low)
    : `${formatNumber(median(values))} (${formatNumber(low)} to ${formatNumber(high)})`
}

function figureOf(row: Row | undefined, name: string): Figure | undefined {
  return row?.figures.find((figure) => figure.name === name)
}

/** What comes behind the name of the server: `10,000 connections`. */
function subjects(row: Row | undefined): string[] {
  return (row?.figures ?? []).filter(({ name }) => name.startsWith(OWN)).map(({ name }) => name.slice(OWN.length))
}

function connectionTable(results: Results): string {
  const cost = rowOf(results, 'scale-connections')
  const lines = subjects(cost).map((subject) => {
    const own = figureOf(cost, OWN + subject)
    const floor = figureOf(cost, FLOOR + subject)
    const ratio =
      own === undefined || floor === undefined ? '–' : (median(own.values) / median(floor.values)).toFixed(2)
    return [
      own?.servers === undefined ? subject : `${subject}, in ${own.servers} processes`,
      words(cost, OWN + subject),
      words(cost, FLOOR + subject),
      ratio,
      words(rowOf(results, 'scale-resident'), OWN + subject),
      words(rowOf(results, 'scale-memory'), OWN + subject),
    ]
  })
  const head = ['', 'µs of CPU a delivery', 'C, one write a delivery', 'ratio', 'MB resident', 'kB a connection']
  return tableText(head, ['-', '-:', '-:', '-:', '-:', '-:'], lines)
}

function groupTable(results: Results): string {
  const cost = rowOf(results, 'scale-groups')
  const lines = subjects(cost).map((subject) => [
    subject,
    words(cost, OWN + subject),
    words(rowOf(results, 'scale-groups-memory'), OWN + subject),
  ])
  return tableText(
    ['10,000 connections beside, in', 'µs of CPU a delivery', 'kB a connection'],
    ['-', '-:', '-:'],
    lines,
  )
}
