import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { writeLoss } from '../loss/page.ts'
import type { LossResults } from '../loss/results.ts'
import { runLoss } from '../loss/run.ts'
import { soak } from '../soak/soak.ts'
import { drawChart, drawScaleChart, drawShortChart, SCALE } from './chart.ts'
import { help, parseCommandLine, UsageError, type Task } from './command-line.ts'
import { busyWords, machineWords, maxOpenFiles, thisMachine } from './machine.ts'
import { dividedWords, measureSuite } from './measure.ts'
import { mergeResults } from './merge.ts'
import { writeFigures } from './page.ts'
import { profile } from './profile.ts'
import { benchFolder, loadProgram } from './programs.ts'
import { formatRow } from './report.ts'
import type { Results, Row, Skipped } from './results.ts'
import { writeScale } from './scale-page.ts'
import { servers, type Server } from './servers.ts'

const chartFile = join(benchFolder, '../docs/images/performance.svg')
const scaleChartFile = join(benchFolder, '../docs/images/scale.svg')
const scalePageFile = join(benchFolder, '../docs/guides/performance.md')
const pageFile = join(benchFolder, '../docs/performance.md')

/** npm runs scripts in the folder of their package; files are named as seen from where it was called. */
const fromCaller = (file: string): string => resolve(process.env['INIT_CWD'] ?? '.', file)

function read(file: string): Results | LossResults {
  return JSON.parse(readFileSync(fromCaller(file), 'utf8')) as Results | LossResults
}

function isOfLoss(results: Results | LossResults): results is LossResults {
  return 'kind' in results
}

/** Writes the figures of the files. Files of the bench of loss have a section of their own. */
function writePage(page: string, files: readonly string[]): void {
  const all = files.map(read)
  const losses = all.filter(isOfLoss)
  const passes = all.filter((results): results is Results => !isOfLoss(results))
  let text = readFileSync(page, 'utf8')
  if (losses.length > 0) text = writeLoss(text, losses)
  const results = passes.length === 0 ? undefined : mergeResults(passes)
  if (results?.rows.some(isOfScale) === true) {
    write(scalePageFile, writeScale(readFileSync(scalePageFile, 'utf8'), results))
    write(scaleChartFile, drawScaleChart(results))
  }
  const rows = results?.rows.filter((row) => !isOfScale(row)) ?? []
  if (results !== undefined && rows.length > 0) {
    const others = { ...results, rows }
    text = writeFigures(text, others)
    // Where the pages look for them.
    write(join(dirname(page), 'images/performance.svg'), drawChart(others))
    write(join(dirname(page), 'images/fan-out.svg'), drawShortChart(others))
  }
  if (losses.length > 0 || rows.length > 0) write(page, text)
}

function isOfScale({ id }: Row): boolean {
  return id.startsWith(SCALE)
}

/** The chart of the files: that of the suite `scale` if they have its rows only. */
function writeChart(files: readonly string[], out: string | undefined): void {
  const results = mergeResults(files.map((file) => read(file) as Results))
  const isScale = results.rows.every(isOfScale)
  const file = out === undefined ? (isScale ? scaleChartFile : chartFile) : fromCaller(out)
  write(file, isScale ? drawScaleChart(results) : drawChart(results))
}

function write(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
  console.log(`Written: ${file}`)
}

function installPeers(): number {
  const args = ['install', '--no-package-lock', '--no-audit', '--no-fund']
  return spawnSync('npm', args, { cwd: join(benchFolder, 'peers'), stdio: 'inherit' }).status ?? 1
}

/** What is no measurement beside others has a folder of its own, and a program in it. */
function runAlone(name: string, args: readonly string[]): number {
  const program = join(benchFolder, name, 'run.ts')
  if (!existsSync(program)) throw new UsageError(`There is no ${program}.`)
  const flags = ['--import', 'tsx', '--conditions=@tideway/source']
  return spawnSync(process.execPath, [...flags, program, ...args], { stdio: 'inherit' }).status ?? 1
}

async function measureAll(task: Extract<Task, { do: 'measure' }>): Promise<number> {
  loadProgram()
  const start = performance.now()
  const machine = thisMachine()
  const date = new Date().toISOString()
  console.log(`${date.slice(0, 10)}, ${machineWords(machine)}`)
  const busy = busyWords(machine)
  if (busy !== undefined) console.log(busy)
  const { runs, seconds, peers, isAtOnce } = task
  // On a terminal the current step is shown, and overwritten by the next.
  const say = (line: string): void => void (process.stderr.isTTY && process.stderr.write(`\r\u001B[K${line}`))
  const pass = { runs, seconds, isAtOnce, maxFiles: maxOpenFiles(), say, ...(peers === undefined ? {} : { peers }) }
  const rows: Row[] = []
  const skipped: Skipped[] = []
  let hasFailed = false
  for (const suite of task.suites) {
    const begin = performance.now()
    for (const cell of suite.cells) {
      const words = dividedWords(cell, pass.maxFiles)
      if (words !== undefined) console.log(words)
    }
    const outcome = await measureSuite(suite, pass)
    say('')
    for (const { what, reason } of outcome.skipped) {
      if (skipped.some((other) => other.what === what && other.reason === reason)) continue
      skipped.push({ what, reason })
      console.log(`Skipped: ${what}: ${reason}`)
    }
    hasFailed ||= outcome.hasFailed
    rows.push(...outcome.rows)
    for (const row of outcome.rows) console.log(`\n${formatRow(row, rows)}`)
    console.log(`\n(${suite.name}: ${Math.round((performance.now() - begin) / 1000)} s)`)
  }
  const minutes = (performance.now() - start) / 60_000
  const results: Results = { date, machine, versions: versionsOf(rows), runs, seconds, minutes, rows, skipped }
  const name = `${date.slice(0, 19).replaceAll(/[:T]/g, '-')}.json`
  console.log(`\nIt took ${minutes.toFixed(1)} minutes.`)
  write(
    task.out === undefined ? join(benchFolder, 'results', name) : fromCaller(task.out),
    `${JSON.stringify(results, null, 1)}\n`,
  )
  return hasFailed ? 1 : 0
}

/** Of the servers that have a figure. */
function versionsOf(rows: readonly Row[]): Record<string, string> {
  const names = new Set(rows.flatMap(({ figures }) => figures.map(({ name }) => name)))
  const measured = Object.values<Server>(servers).filter(({ name }) => name === 'tideway' || names.has(name))
  return Object.fromEntries(measured.map(({ name, version }) => [name, version()]))
}

async function perform(task: Task): Promise<number> {
  switch (task.do) {
    case 'help':
      console.log(help)
      return 0
    case 'peers':
      return installPeers()
    case 'chart':
      writeChart(task.results, task.out)
      return 0
    case 'page':
      writePage(task.out === undefined ? pageFile : fromCaller(task.out), task.results)
      return 0
    case 'soak':
      return (await soak(task.minutes, task.connections)) ? 0 : 1
    case 'loss': {
      const { out } = task.task
      return await runLoss({ ...task.task, out: out === undefined ? out : fromCaller(out) }, write)
    }
    case 'alone':
      return runAlone(task.name, task.args)
    case 'profile':
      return await profile(task)
    case 'measure':
      return await measureAll(task)
    default:
      return task satisfies never
  }
}

try {
  process.exitCode = await perform(parseCommandLine(process.argv.slice(2)))
} catch (error) {
  if (!(error instanceof UsageError)) throw error
  console.error(`${error.message}\n\n${help}`)
  process.exitCode = 2
}
