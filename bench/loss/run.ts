import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { loadavg } from 'node:os'
import { busyWords, machineWords, thisMachine } from '../src/machine.ts'
import { benchFolder } from '../src/programs.ts'
import type { Contender } from './contenders.ts'
import { measureLoss } from './measure.ts'
import type { LossTask } from './options.ts'
import type { LossResults, LossRow, LossTable } from './results.ts'
import { scenarios, type Scenario } from './scenarios.ts'
import { alignedText, costTable, deliveryTable } from './table.ts'

/** Runs the scenarios, and writes the results of valid runs. Returns the exit code: 1 if a run of tideway was not valid. */
export async function runLoss(task: LossTask, write: (file: string, text: string) => void): Promise<number> {
  const machine = thisMachine()
  const date = new Date().toISOString()
  console.log(`${date.slice(0, 10)}, ${machineWords(machine)}`)
  const busy = busyWords(machine)
  if (busy !== undefined) console.log(busy)
  const versions: Record<string, string> = {}
  const tables: LossTable[] = []
  let hasFailed = false
  for (const name of task.scenarios) {
    const scenario = scenarios[name]
    const settings = { ...scenario.defaults, ...task.settings }
    console.log(`\n${name}: ${JSON.stringify(settings)}`)
    const rows: LossRow[] = []
    const skipped: { what: string; reason: string }[] = []
    for (const contender of scenario.contenders) {
      if (task.servers !== undefined && !task.servers.includes(contender.key)) continue
      const { row, reasons } = await tryToMeasure(scenario, contender, settings)
      if (row !== undefined) {
        rows.push(row)
        versions[contender.name] = contender.version()
      }
      for (const reason of reasons) {
        skipped.push({ what: contender.name, reason })
        console.log(`${row === undefined ? 'Not kept' : 'Note'}: ${contender.name}: ${reason}`)
      }
      hasFailed ||= row === undefined && contender.dialect === 'tideway'
    }
    const table: LossTable = { scenario: name, command: commandOf(task, name), settings, rows, skipped }
    tables.push(table)
    if (rows.length > 0) console.log(`\n${alignedText(deliveryTable(table))}\n\n${alignedText(costTable(table))}`)
  }
  const results: LossResults = { kind: 'loss', date, machine, versions, tables }
  const file = `loss-${date.slice(0, 19).replaceAll(/[:T]/g, '-')}.json`
  write(task.out ?? join(benchFolder, 'results', file), `${JSON.stringify(results, null, 1)}\n`)
  return hasFailed ? 1 : 0
}

async function tryToMeasure(
  scenario: Scenario,
  contender: Contender,
  settings: LossTable['settings'],
): Promise<{ readonly row?: LossRow; readonly reasons: readonly string[] }> {
  const missing = contender.needsRedis && !hasRedis() ? 'there is no redis-server' : contender.missing?.()
  if (missing !== undefined) return { reasons: [missing] }
  const start = performance.now()
  try {
    const { row, flags } = await measureLoss(scenario, contender, settings)
    const took = `${Math.round((performance.now() - start) / 1000)} s`
    console.log(`${contender.name}: ${took}, load average ${loadavg()[0]!.toFixed(1)}, ${detailsOf(row)}`)
    return flags.length > 0 ? { reasons: flags } : { row, reasons: [] }
  } catch (error) {
    return { reasons: [`failed: ${(error as Error).message}`] }
  }
}

function detailsOf({ counts, loadBusy, loopDelayP99Ms, ignored, neverBack }: LossRow): string {
  const lost = `${counts.lostAndTold} lost and told, ${counts.lostAndNotTold} not told of ${counts.expected}`
  const load = `the load ${Math.round(loadBusy * 100)} % busy and late by ${loopDelayP99Ms.toFixed(0)} ms`
  return `${lost}; ${load}; ${ignored} ignored by position; ${neverBack} never back`
}

function hasRedis(): boolean {
  return spawnSync('redis-server', ['--version']).error === undefined
}

function commandOf({ settings }: LossTask, name: string): string {
  const flags = Object.entries(settings).map(([key, value]) => ` --${flagNames[key] ?? key} ${value}`)
  return `npm run bench -- ${name}${flags.join('')}`
}

const flagNames: Readonly<Record<string, string>> = {
  roomSize: 'room-size',
  calmSeconds: 'calm',
  everySeconds: 'every',
  awaySeconds: 'away',
}
