import { spawnSync } from 'node:child_process'
import { Barrier } from './barrier.ts'
import { mergeReports, type LoadReport, type Reading } from './load-report.ts'
import { measureCell } from './measure-cell.ts'
import type { Figure, Row, Skipped } from './results.ts'
import { ownServers, servers, type Server, type ServerKey } from './servers.ts'
import { mean } from './statistics.ts'
import type { Cell, RowOfSuite, Suite } from './suite.ts'

/** How a pass is made. */
export interface Pass {
  readonly runs: number
  readonly seconds: number
  /** Servers beside tideway that are measured; all where there is no list. */
  readonly peers?: readonly ServerKey[]
  /** Loads the servers of every suite at the same time, not only of those that always are. */
  readonly isAtOnce?: boolean
  /** How many files a process may have open. */
  readonly maxFiles: number
  /** The measured servers by the names in cells; those of the bench by default. */
  readonly servers?: Readonly<Partial<Record<ServerKey, Server>>>
  say(line: string): void
}

/** The result of a suite. */
export interface Outcome {
  readonly rows: readonly Row[]
  readonly skipped: readonly Skipped[]
  /** Whether a tideway server could not be measured. Other servers are only skipped. */
  readonly hasFailed: boolean
}

const WARM_UP_MS = 500

/** The compilers of several servers on one processor take turns, and a ratio shows what is left of their work. */
const WARM_UP_AT_ONCE_MS = 2000

/** Open files of a process, without its connections. */
const OTHER_FILES = 100

/** Makes all measurements of a suite: each of them once a run, in an order that changes from run to run. */
export async function measureSuite(suite: Suite, pass: Pass): Promise<Outcome> {
  const skipped: Skipped[] = []
  if (suite.connections + OTHER_FILES > pass.maxFiles) {
    const needed = suite.connections + OTHER_FILES
    const reason = `it needs ${needed} open files a process, and the limit is ${pass.maxFiles}: raise it with ulimit -n ${needed}`
    return { rows: [], skipped: [{ what: suite.name, reason }], hasFailed: false }
  }
  const cells = suite.cells.filter((cell) => isChosen(cell.server, pass.peers))
  const reports = new Map<Cell, LoadReport[]>()
  for (const cell of cells) {
    const reason = whyMissing(cell, serverOf(cell, pass))
    if (reason === undefined) reports.set(cell, [])
    else skipped.push({ what: cell.name, reason })
  }
  let hasFailed = false
  const isAtOnce = pass.isAtOnce === true || suite.isAtOnce === true
  for (let number = 0; number < pass.runs; number++) {
    const order = inTurn([...reports.keys()], number)
    for (const group of isAtOnce ? [order] : order.map((cell) => [cell])) {
      pass.say(`${suite.name}, run ${number + 1} of ${pass.runs}: ${group.map(({ name }) => name).join(' and ')}`)
      const results = await Promise.allSettled(measureAtOnce(group, pass, isAtOnce ? WARM_UP_AT_ONCE_MS : WARM_UP_MS))
      for (const [index, result] of results.entries()) {
        const cell = group[index]!
        if (result.status === 'fulfilled') {
          reports.get(cell)!.push(result.value)
          continue
        }
        // One that fails is not asked again: it is reported, and the others go on.
        skipped.push({ what: `${cell.name} in ${suite.name}`, reason: `failed: ${(result.reason as Error).message}` })
        reports.delete(cell)
        hasFailed ||= ownServers.includes(cell.server)
      }
    }
  }
  return { rows: suite.rows.map((row) => toRow(row, reports, isAtOnce)), skipped, hasFailed }
}

/** Measures cells at the same time, each phase from when all servers are warm until all have used their processor time. */
function measureAtOnce(cells: readonly Cell[], pass: Pass, warmUpMs: number): Promise<LoadReport>[] {
  const divided = cells.map((cell) => divide(cell, pass.maxFiles))
  const barrier = new Barrier(divided.flat().length)
  return divided.map(async (parts) => {
    const running = parts.map(async (part) => {
      try {
        return await measureCell(part, serverOf(part, pass), {
          seconds: pass.seconds,
          warmUpMs,
          onGate: () => barrier.arrive(),
        })
      } finally {
        barrier.leave()
      }
    })
    return mergeReports((await Promise.allSettled(running)).map(valueOf))
  })
}

/** The cell itself if a process may open its connections; otherwise cells with equal parts of it. */
export function divide(cell: Cell, maxFiles: number): Cell[] {
  const parts = Math.ceil((cell.connections ?? 0) / Math.max(1, maxFiles - OTHER_FILES))
  if (parts <= 1) return [cell]
  const { mode, arguments: settings } = cell.load
  const share = (name: string): Record<string, number> =>
    settings[name] === undefined ? {} : { [name]: Math.ceil(Number(settings[name]) / parts) }
  const divided = { ...settings, ...share('conns'), ...share('groups'), ...share('hz') }
  return Array.from({ length: parts }, () => ({ ...cell, load: { mode, arguments: divided } }))
}

/** A line for a cell that is divided, with its reason and the fix. */
export function dividedWords(cell: Cell, maxFiles: number): string | undefined {
  const { length } = divide(cell, maxFiles)
  if (length === 1) return undefined
  const needed = (cell.connections ?? 0) + OTHER_FILES
  return `${cell.name}: in ${length} server processes, because the limit of open files is ${maxFiles}; ulimit -n ${needed} allows one process`
}

function valueOf(result: PromiseSettledResult<LoadReport>): LoadReport {
  if (result.status === 'rejected') throw result.reason
  return result.value
}

function serverOf({ server }: Cell, pass: Pass): Server {
  return pass.servers?.[server] ?? servers[server]
}

function whyMissing({ crossesRedis }: Cell, server: Server): string | undefined {
  if (crossesRedis === true && spawnSync('redis-server', ['--version']).error !== undefined) {
    return 'there is no redis-server; on Debian: apt-get install redis-server'
  }
  return server.missing?.()
}

/** tideway is always measured: the others are beside it. */
function isChosen(server: ServerKey, peers: readonly ServerKey[] | undefined): boolean {
  return peers === undefined || ownServers.includes(server) || peers.includes(server)
}

/** Each run starts with another server, and every second one runs backwards, so that other work of the machine affects all equally. */
export function inTurn<T>(items: readonly T[], run: number): T[] {
  const start = items.length === 0 ? 0 : run % items.length
  const turned = [...items.slice(start), ...items.slice(0, start)]
  return run % 2 === 1 ? turned.toReversed() : turned
}

function toRow(
  { read, without, ...row }: RowOfSuite,
  reports: ReadonlyMap<Cell, readonly LoadReport[]>,
  isAtOnce: boolean,
): Row {
  const figures = [...reports].flatMap(([cell, all]): Figure[] => {
    const readings = all.map((report) => read(report)).filter((reading) => reading !== undefined)
    return readings.length === 0 || without?.includes(cell.name) === true ? [] : [toFigure(cell.name, readings)]
  })
  return { ...row, ...(isAtOnce ? { isAtOnce } : {}), figures }
}

function toFigure(name: string, readings: readonly Reading[]): Figure {
  const servers = readings[0]?.phase.servers
  return {
    ...(servers === undefined ? {} : { servers }),
    name,
    values: readings.map(({ value }) => value),
    serverBusy: mean(readings.map(({ phase }) => phase.serverBusy)),
    loadBusy: mean(readings.map(({ phase }) => phase.loadBusy)),
    perSecond: mean(readings.map(({ phase }) => phase.delivered / phase.seconds)),
  }
}
