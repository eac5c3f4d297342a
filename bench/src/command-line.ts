import { parseArgs } from 'node:util'
import { lossHelp, parseLoss, SCENARIOS, type LossTask } from '../loss/options.ts'
import { ownServers, servers, type ServerKey } from './servers.ts'
import type { Suite } from './suite.ts'
import { suites, suitesByName } from './suites.ts'
import { UsageError } from './usage-error.ts'

export { UsageError } from './usage-error.ts'

/** The command of `npm run bench`. */
export type Task =
  | { readonly do: 'help' }
  | { readonly do: 'peers' }
  | { readonly do: 'soak'; readonly minutes: number; readonly connections: number }
  | { readonly do: 'loss'; readonly task: LossTask }
  | { readonly do: 'alone'; readonly name: string; readonly args: readonly string[] }
  | { readonly do: 'chart' | 'page'; readonly results: readonly string[]; readonly out?: string }
  | {
      readonly do: 'profile'
      readonly suites: readonly Suite[]
      readonly seconds: number
      readonly peers?: readonly ServerKey[]
    }
  | {
      readonly do: 'measure'
      readonly suites: readonly Suite[]
      readonly runs: number
      readonly seconds: number
      readonly isAtOnce: boolean
      readonly peers?: readonly ServerKey[]
      readonly out?: string
    }

/** Programs of the bench with arguments of their own. */
const ALONE = ['micro', 'pinned', 'kept', 'cluster']

export const help = `npm run bench -- [NAME...]            measures; without a name, or with "all", everything
npm run bench -- peers                installs the other servers into bench/peers
npm run bench -- pinned [SECONDS]      what a client can make the server keep, and for how long (default 90 s)
npm run bench -- kept [NAME...]       what kept groups cost: append, resume, memory, presence
npm run bench -- resume               the same as "kept resume"
npm run bench -- cluster [RUNS]       what a message between processes costs, over the hub of a machine and over Redis
${lossHelp}
npm run bench -- scale                cost and memory with 1 to 50,000 connections and 1 to 10,000 groups; not in "all"
npm run bench -- profile NAME...      where the processor time of the servers of a suite goes, by perf
npm run bench -- soak                 connections that come and go, and what the server holds: --minutes 15 --connections 5000
npm run bench -- chart RESULTS.json   writes the chart of a result: docs/images/performance.svg, or --out FILE
npm run bench -- page RESULTS.json    writes the figures into docs/performance.md, and the chart; of several
                                      files, rows of a later one replace those of the ones before

  --runs N          how often each is measured; medians are printed (default 5)
  --seconds N       duration of each measurement, after half a second of warm-up (default 1)
  --at-once         loads all servers of a suite at the same time: the ratios hold on a machine with other work
  --peers a,b       only these beside tideway: ${Object.keys(servers)
    .filter((name) => !ownServers.some((own) => own === name))
    .join(', ')}
  --out FILE        where the results go (default bench/results/DATE.json)

Names: ${namesOf(suitesByName).join(', ')}. By themselves, with arguments of their own: ${ALONE.join(', ')}.`

/** The names of the suites, and of rows that have one of their own. */
export function namesOf(list: readonly Suite[]): string[] {
  return [...new Set(list.flatMap(({ name, rows }) => [name, ...rows.map(({ id }) => id)]))]
}

export function parseCommandLine(args: readonly string[]): Task {
  const [name, ...others] = args
  if (name === 'resume') return { do: 'alone', name: 'kept', args }
  if (name !== undefined && SCENARIOS.includes(name)) return { do: 'loss', task: parseLoss(args) }
  if (name !== undefined && ALONE.includes(name)) return { do: 'alone', name, args: others }
  const { positionals, values } = parse(args)
  if (values.help === true) return { do: 'help' }
  const [first, ...rest] = positionals
  if (first === 'peers' && rest.length === 0) return { do: 'peers' }
  if (first === 'soak' && rest.length === 0) {
    const minutes = positive('--minutes', values.minutes, false)
    return { do: 'soak', minutes, connections: positive('--connections', values.connections, true) }
  }
  if (first === 'chart' || first === 'page') {
    if (rest.length === 0) throw new UsageError(`${first} takes files of results.`)
    return { do: first, results: rest, ...(values.out === undefined ? {} : { out: values.out }) }
  }
  const seconds = positive('--seconds', values.seconds, false)
  const peers = values.peers === undefined ? {} : { peers: peersNamed(values.peers) }
  if (first === 'profile') {
    if (rest.length === 0) throw new UsageError('profile takes names of suites or rows.')
    return { do: 'profile', suites: suitesNamed(rest), seconds, ...peers }
  }
  return {
    do: 'measure',
    suites: suitesNamed(positionals),
    runs: positive('--runs', values.runs, true),
    seconds,
    isAtOnce: values['at-once'] === true,
    ...peers,
    ...(values.out === undefined ? {} : { out: values.out }),
  }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        runs: { type: 'string', default: '5' },
        seconds: { type: 'string', default: '1' },
        'at-once': { type: 'boolean' },
        peers: { type: 'string' },
        minutes: { type: 'string', default: '15' },
        connections: { type: 'string', default: '5000' },
        out: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    })
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error })
  }
}

function suitesNamed(names: readonly string[]): readonly Suite[] {
  if (names.length === 0 || names.includes('all')) return suites
  const known = namesOf(suitesByName)
  const unknown = names.find((name) => !known.includes(name))
  if (unknown !== undefined) throw new UsageError(`There is no "${unknown}": ${known.join(', ')}, all.`)
  return suitesByName.filter(({ name, rows }) => names.includes(name) || rows.some(({ id }) => names.includes(id)))
}

function peersNamed(list: string): ServerKey[] {
  return list.split(',').map((name) => {
    if (!(name in servers)) throw new UsageError(`There is no server "${name}": ${Object.keys(servers).join(', ')}.`)
    return name as ServerKey
  })
}

function positive(flag: string, text: string, isWhole: boolean): number {
  const value = Number(text)
  if (text.trim() !== '' && value > 0 && Number.isFinite(value) && (!isWhole || Number.isInteger(value))) return value
  throw new UsageError(`${flag} has to be a ${isWhole ? 'whole ' : ''}number above 0, not "${text}".`)
}
