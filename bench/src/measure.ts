import { execFile, spawnSync } from 'node:child_process'
import { promisify } from 'node:util'
import { mergeReports, type LoadReport, type Reading } from './load-report.ts'
import { loadProgram } from './programs.ts'
import { startRedis } from './redis-process.ts'
import type { Figure, Row, Skipped } from './results.ts'
import { endWithThis, pinned, startServer, type ServerProcess } from './server-process.ts'
import { ownServers, servers, type Server, type ServerKey } from './servers.ts'
import { mean } from './statistics.ts'
import type { Cell, RowOfSuite, Suite } from './suite.ts'

/** How a pass is made. */
export interface Pass {
  readonly runs: number
  readonly seconds: number
  /** Servers beside tideway that are measured; all where there is no list. */
  readonly peers?: readonly ServerKey[]
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

/** Before the measurement, so that the compiler of a server has done its work. */
const WARM_UP_MS = 500

/** A measurement that takes longer than this hangs: longer than the load waits for its connections, twice. */
const LOAD_TIMEOUT_MS = 600_000

const run = promisify(execFile)

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
  for (let number = 0; number < pass.runs; number++) {
    for (const cell of inTurn([...reports.keys()], number)) {
      pass.say(`${suite.name}, run ${number + 1} of ${pass.runs}: ${cell.name}`)
      try {
        const parts = divide(cell, pass.maxFiles)
        const server = serverOf(cell, pass)
        const running = await Promise.allSettled(parts.map((part) => measure(part, server, pass.seconds)))
        reports.get(cell)!.push(mergeReports(running.map(valueOf)))
      } catch (error) {
        // One that fails is not asked again: it is reported, and the others go on.
        skipped.push({ what: `${cell.name} in ${suite.name}`, reason: `failed: ${(error as Error).message}` })
        reports.delete(cell)
        hasFailed ||= ownServers.includes(cell.server)
      }
    }
  }
  return { rows: suite.rows.map((row) => toRow(row, reports)), skipped, hasFailed }
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

function toRow({ read, without, ...row }: RowOfSuite, reports: ReadonlyMap<Cell, readonly LoadReport[]>): Row {
  const figures = [...reports].flatMap(([cell, all]): Figure[] => {
    const readings = all.map((report) => read(report)).filter((reading) => reading !== undefined)
    return readings.length === 0 || without?.includes(cell.name) === true ? [] : [toFigure(cell.name, readings)]
  })
  return { ...row, figures }
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

async function measure(cell: Cell, { command: commandOf, dialect }: Server, seconds: number): Promise<LoadReport> {
  const started: { stop(): Promise<void> }[] = []
  try {
    const { env = {}, ...rest } = cell.variant ?? {}
    let variant = { ...rest, env }
    if (cell.crossesRedis === true) {
      const redis = await startRedis()
      started.push(redis)
      variant = { ...variant, env: { ...env, REDIS_URL: redis.url, REDIS: redis.url } }
    }
    const command = commandOf(variant)
    const server = await startServer(command, cell.isFree === true ? 'any' : 'server')
    started.push(server)
    let sender: ServerProcess | undefined
    if (cell.crossesRedis === true) {
      sender = await startServer(command, 'load')
      started.push(sender)
    }
    const report = await load(cell, dialect, seconds, server, sender)
    if (report.missing !== undefined && report.missing !== 0) throw new Error(`${report.missing} deliveries never came`)
    if (report.phases.some(({ delivered }) => delivered === 0)) throw new Error('nothing came')
    return report
  } finally {
    // The last that was started goes first.
    for (const one of started.toReversed()) await one.stop()
  }
}

async function load(
  cell: Cell,
  dialect: string | undefined,
  seconds: number,
  server: ServerProcess,
  sender?: ServerProcess,
): Promise<LoadReport> {
  const settings: Record<string, string | number> = {
    port: server.port,
    pids: (await server.pids()).join(','),
    seconds,
    warmms: WARM_UP_MS,
    ...(dialect === undefined ? {} : { dialect }),
    ...(sender === undefined ? {} : { senderport: sender.port }),
    ...cell.load.arguments,
  }
  const args = [cell.load.mode, ...Object.entries(settings).map(([name, value]) => `${name}=${value}`)]
  const program = pinned({ command: loadProgram(), args }, cell.isFree === true ? 'any' : 'load')
  try {
    const running = run(program.command, program.args, { timeout: LOAD_TIMEOUT_MS })
    endWithThis(running.child)
    const { stdout } = await running
    return JSON.parse(stdout) as LoadReport
  } catch (error) {
    const { stderr, killed } = error as { stderr?: string; killed?: boolean }
    if (killed === true) throw new Error(`the load did not end within ${LOAD_TIMEOUT_MS / 1000} s`, { cause: error })
    throw new Error(stderr?.trim() || (error as Error).message, { cause: error })
  }
}
