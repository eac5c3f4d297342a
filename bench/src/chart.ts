import { busyWords, machineWords } from './machine.ts'
import type { Figure, Results, Row } from './results.ts'
import { formatNumber, median } from './statistics.ts'

/** The rows of the chart, in their order: one panel each. */
const PANELS = ['fanout-8', 'fanout-1', 'echo', 'crowd-p99', 'handshakes', 'idle', 'http', 'deflate']

/** The rows of the suite `scale` have ids that begin so. They have a chart and a section of their own. */
export const SCALE: string = 'scale'

const WIDTH = 860
const NAME_WIDTH = 200
const VALUE_WIDTH = 110
const BAR_LEFT = NAME_WIDTH + 12
const BAR_WIDTH = WIDTH - BAR_LEFT - VALUE_WIDTH
const LINE = 22
const BAR = 14
const LINE_CHARACTERS = 130

/** A bar this many times as long as the middle one is cut: else the others could not be seen beside it. */
const CUT = 3

// Colours that differ on white and on dark, also for colour-blind readers. The names are beside the bars.
const STYLE = `
    text { font: 13px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #24292f; }
    .panel { font-size: 14px; font-weight: 600; }
    .unit, .foot { font-size: 12px; font-weight: 400; fill: #57606a; }
    .own { font-weight: 600; }
    rect { fill: #9aa4af; }
    rect.own { fill: #0969da; }
    path { fill: none; stroke: #24292f; stroke-width: 1.5; }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3; }
      .unit, .foot { fill: #9198a1; }
      rect { fill: #6e7681; }
      rect.own { fill: #4493f8; }
      path { stroke: #e6edf3; }
    }`

/** The chart of a pass: bars, the same in a bright and in a dark page, with a title and a description for screen readers. */
export function drawChart(results: Results, cut = CUT): string {
  const rows = PANELS.flatMap((id) => results.rows.filter((row) => row.id === id && row.figures.length > 0))
  return draw('tideway beside other servers', rows, results, sorted, cut)
}

/** The chart of the suite `scale`: its rows, with the bars in the order of the numbers of connections and groups. */
export function drawScaleChart(results: Results): string {
  const rows = results.rows.filter(({ id, figures }) => id.startsWith(SCALE) && figures.length > 0)
  return draw('tideway with more and more connections and groups', rows, results, ({ figures }) => figures, Infinity)
}

/** The order of the bars of a row. */
type Order = (row: Row) => readonly Figure[]

function draw(title: string, rows: readonly Row[], results: Results, order: Order, cut: number): string {
  const parts: string[] = []
  let y = 8
  for (const row of rows) {
    const { svg, height } = drawPanel(row, order(row), y, cut)
    parts.push(svg)
    y += height
  }
  const where = `${results.date.slice(0, 10)} · ${machineWords(results.machine)}`
  const busy = busyWords(results.machine)
  for (const line of [where, ...(busy === undefined ? [] : [busy]), ...versionLines(results)]) {
    parts.push(`<text class="foot" x="0" y="${y + 8}">${escape(line)}</text>`)
    y += 17
  }
  const height = y + 3
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-labelledby="title description">`,
    `  <title id="title">${escape(title)}</title>`,
    `  <desc id="description">${escape(describe(rows, order))}</desc>`,
    `  <style>${STYLE}\n  </style>`,
    ...parts.map((part) => `  ${part}`),
    '</svg>',
    '',
  ].join('\n')
}

/** The servers of the short chart, and the only row that it has. */
const SHORT_ROW = 'fanout-8'
const SHORT_SERVERS = ['tideway', 'tideway, static handler', 'uWebSockets.js', 'Socket.IO', 'ws']

/** The chart of the start page and the README: broadcasts, in five bars that are not cut. */
export function drawShortChart(results: Results): string {
  const rows = results.rows
    .filter(({ id }) => id === SHORT_ROW)
    .map((row) => ({ ...row, figures: row.figures.filter(({ name }) => SHORT_SERVERS.includes(name)) }))
  return drawChart({ ...results, rows, versions: {} }, Infinity)
}

function drawPanel(
  row: Row,
  figures: readonly Figure[],
  top: number,
  cut: number,
): { readonly svg: string; readonly height: number } {
  const values = figures.map(({ values }) => median(values))
  const largest = Math.max(...values)
  const longest = Math.min(largest, cut * median(values))
  const lines = figures.map((figure, index) => {
    const y = top + 28 + index * LINE
    const value = values[index]!
    const isCut = value > longest
    const width = Math.max(2, (Math.min(value, longest) / longest) * BAR_WIDTH)
    const kind = isOwn(figure, row) ? ' class="own"' : ''
    const middle = y + BAR - 2
    const end = BAR_LEFT + width
    // Two strokes through a bar mark it as shortened.
    const strokes = isCut ? `<path d="M${end - 16} ${y + BAR + 2}l5 ${-BAR - 4}m4 0l-5 ${BAR + 4}"/>` : ''
    return (
      `<text${kind} x="${NAME_WIDTH}" y="${middle}" text-anchor="end">${escape(label(figure, row))}</text>` +
      `<rect${kind} x="${BAR_LEFT}" y="${y}" width="${width.toFixed(1)}" height="${BAR}" rx="2"/>${strokes}` +
      `<text${kind} x="${(end + 8).toFixed(1)}" y="${middle}">${formatNumber(value)}${processes(figure)}</text>`
    )
  })
  const head =
    `<text class="panel" x="0" y="${top + 14}">${escape(row.title)}` +
    `<tspan class="unit" dx="10">${escape(row.unit)}, ${row.better} is better</tspan></text>`
  return { svg: [head, ...lines].join('\n  '), height: 28 + figures.length * LINE + 18 }
}

/** All rows of scale are of tideway, and its name would leave no space for the numbers. */
function label({ name }: Figure, { id }: Row): string {
  return id.startsWith(SCALE) ? name.replace(/^tideway, /, '') : name
}

function processes({ servers }: Figure): string {
  return servers === undefined ? '' : ` in ${servers} proc.`
}

/** Versions, in lines that fit. */
function versionLines({ versions }: Results): string[] {
  const lines: string[] = []
  for (const text of Object.entries(versions).map(([name, version]) => `${name} ${version}`)) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + text.length < LINE_CHARACTERS) lines[lines.length - 1] = `${last}, ${text}`
    else lines.push(text)
  }
  return lines
}

/** The best first. */
function sorted(row: Row): Figure[] {
  const sign = row.better === 'lower' ? 1 : -1
  return row.figures.toSorted((a, b) => sign * (median(a.values) - median(b.values)))
}

function isOwn({ name }: Figure, row: Row): boolean {
  return name === 'tideway' || name.startsWith('tideway,') || name === row.figures[0]?.name
}

function describe(rows: readonly Row[], order: Order): string {
  const sentences = rows.map((row) => {
    const { title, unit, better } = row
    const words = order(row).map(({ name, values }) => `${name} ${formatNumber(median(values))}`)
    return `${title}, ${unit}, ${better} is better: ${words.join(', ')}.`
  })
  return sentences.join(' ')
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}
