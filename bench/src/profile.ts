import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cost } from './load-report.ts'
import { tableText } from './markdown.ts'
import { measureCell } from './measure-cell.ts'
import { endWithThis, pinned, type Command, type ServerProcess } from './server-process.ts'
import { ownServers, servers, type Server, type ServerKey } from './servers.ts'
import { countBy, functionName, PARTS, parseSamples, partOf, type Sample } from './samples.ts'
import { formatNumber } from './statistics.ts'
import type { Cell, Suite } from './suite.ts'

/** A prime, so that the samples do not run in step with timers. */
const SAMPLES_PER_SECOND = 1999

/** Long enough for the compilers to have little left to do. */
const WARM_UP_MS = 2000

const FUNCTIONS_SHOWN = 15

/** The time that perf needs to attach itself to all threads. */
const ATTACH_MS = 300

/** The profile of one cell. */
export interface Profile {
  readonly name: string
  readonly samples: readonly Sample[]
  /** Processor time of the server for each message, in microseconds. */
  readonly cost: number
}

/** What is profiled. */
export interface Profiling {
  readonly suites: readonly Suite[]
  readonly seconds: number
  readonly peers?: readonly ServerKey[]
}

/** Profiles the first phase of each cell, and prints where the processor time of the servers went. Returns the exit code. */
export async function profile({ suites, seconds, peers }: Profiling): Promise<number> {
  if (spawnSync('perf', ['--version']).error !== undefined) {
    console.error('A profile needs perf; on Debian: apt-get install linux-perf.')
    return 1
  }
  for (const suite of suites) {
    const profiles: Profile[] = []
    for (const cell of suite.cells) {
      const server: Server = servers[cell.server]
      if (peers !== undefined && !ownServers.includes(cell.server) && !peers.includes(cell.server)) continue
      const reason = server.missing?.()
      if (reason === undefined) profiles.push(await profileCell(cell, server, seconds))
      else console.log(`Skipped: ${cell.name}: ${reason}`)
    }
    console.log(`\n${formatProfiles(suite.name, profiles)}`)
  }
  return 0
}

async function profileCell(cell: Cell, server: Server, seconds: number): Promise<Profile> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-profile-'))
  const file = join(folder, 'samples')
  const recordings: ChildProcess[] = []
  const names: string[] = []
  let gates = 0
  const onGate = async (process: ServerProcess): Promise<void> => {
    gates++
    if (gates === 1) {
      const pids = await process.pids()
      names.push(...pids.map((pid) => `/tmp/perf-${pid}.map`))
      recordings.push(await record(file, pids))
    } else if (gates === 2) await end(recordings[0]!)
  }
  try {
    const report = await measureCell(cell, server, { seconds, warmUpMs: WARM_UP_MS, onGate, prepare: named })
    await end(recordings[0]!)
    const args = ['script', '--force', '--input', file, '--fields', 'ip,sym,dso']
    const { stdout } = spawnSync('perf', args, { encoding: 'utf8', maxBuffer: 1 << 28 })
    const phase = report.phases[0]!
    return { name: cell.name, samples: parseSamples(stdout), cost: cost(phase) }
  } finally {
    for (const recording of recordings) recording.kill('SIGKILL')
    for (const name of [folder, ...names]) rmSync(name, { recursive: true, force: true })
  }
}

/** Starts to record the samples of all threads of the processes. */
async function record(file: string, pids: readonly number[]): Promise<ChildProcess> {
  const args = ['record', '--event', 'cpu-clock', '--freq', String(SAMPLES_PER_SECOND), '--output', file]
  const program = pinned({ command: 'perf', args: [...args, '--pid', pids.join(',')] }, 'load')
  const recording = spawn(program.command, program.args, { stdio: 'ignore' })
  endWithThis(recording)
  await delay(ATTACH_MS)
  return recording
}

/** Ends a recording, which writes its file. It ends by itself with the server. */
async function end(recording: ChildProcess): Promise<void> {
  if (recording.exitCode !== null || recording.signalCode !== null) return
  const ended = once(recording, 'exit')
  recording.kill('SIGINT')
  await ended
}

/** A server on Node writes the names of its compiled functions to a file that perf reads. */
function named(command: Command): Command {
  if (command.command !== process.execPath) return command
  // The log that the first flag also begins is not read.
  const flags = ['--perf-basic-prof', '--no-logfile-per-isolate', '--logfile=/dev/null']
  return { ...command, args: [...flags, ...command.args] }
}

/** The parts of each profile in one table, and a table of its functions for each. Figures are µs for each message. */
export function formatProfiles(title: string, profiles: readonly Profile[]): string {
  const parts = profiles.map((one) => new Map(countBy(one.samples, partOf)))
  const others = new Set(parts.flatMap((counts) => [...counts.keys()]).filter((part) => !isNamed(part)))
  const lines = [...PARTS, ...others].flatMap((part) => {
    if (!parts.some((counts) => counts.has(part))) return []
    return [[part, ...profiles.map((one, index) => figure(one, parts[index]!.get(part) ?? 0))]]
  })
  const head = [`${title}: µs of CPU`, ...profiles.map(({ name }) => name)]
  const align = ['-', ...profiles.map(() => '-:')]
  const total = ['all', ...profiles.map(({ cost }) => formatNumber(cost))]
  const tables = [tableText(head, align, [...lines, total])]
  for (const one of profiles) {
    const functions = countBy(one.samples, (sample) => `${partOf(sample)} | ${functionName(sample)}`)
    const rows = functions
      .slice(0, FUNCTIONS_SHOWN)
      .map(([key, count]) => [...key.split(' | '), figure(one, count)] as const)
    tables.push(tableText([one.name, 'function', 'µs'], ['-', '-', '-:'], rows))
  }
  return tables.join('\n\n')
}

function isNamed(part: string): boolean {
  return PARTS.some((one) => one === part)
}

/** The share of the samples as µs for each message, and in percent. */
function figure({ samples, cost }: Profile, count: number): string {
  const share = count / Math.max(1, samples.length)
  return count === 0 ? '–' : `${formatNumber(share * cost)} (${Math.round(share * 100)} %)`
}
