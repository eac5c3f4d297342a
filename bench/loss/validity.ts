import { percentile } from './percentile.ts'
import type { LoadReport } from './load-report.ts'

/** What must hold for a run to say anything about the server. */
export interface Evidence {
  readonly loads: readonly LoadReport[]
  /** Messages that a server has confirmed, and those that were to be published. */
  readonly published: number
  readonly wanted: number
  /** The time of the first message, on the clock of the loads. */
  readonly firstSentMs: number
  /** How long publishing took, and how long it should have. */
  readonly publishingMs: number
  readonly wantedMs: number
  /** Messages per room. */
  readonly perRoom: number
  /** How long clients were to be away; missing if the scenario does not cut them. */
  readonly awayMs?: number
  /** The smallest share of clients that must have lost their connection. */
  readonly minCutShare: number
  /** What went wrong with the fault itself or the publisher, if anything. */
  readonly failure?: string | undefined
}

const MAX_LOAD_BUSY = 0.9
const MAX_LOOP_DELAY_MS = 1000
const MAX_AWAY_ERROR = 0.1
const MAX_AWAY_ERROR_P99_MS = 1000
const MAX_SKEW_MS = 1
const MAX_SLOW_PUBLISHING = 1.1

/** Reasons why a run is not written to the results. Each was once the reason of a wrong figure in a bench of this kind. */
export function fatalFlags(evidence: Evidence): string[] {
  const { loads, published, wanted, firstSentMs, publishingMs, wantedMs, perRoom, awayMs } = evidence
  const flags: (string | undefined)[] = [evidence.failure]
  const flag = (isFatal: boolean, words: string) => void flags.push(isFatal ? words : undefined)

  flag(published !== wanted, `the publisher published ${published} of ${wanted} messages`)
  flag(
    publishingMs > wantedMs * MAX_SLOW_PUBLISHING + 1000,
    `publishing took ${ms(publishingMs)} instead of ${ms(wantedMs)}`,
  )
  const late = loads.filter(({ joinedAtMs }) => joinedAtMs >= firstSentMs).length
  flag(late > 0, `clients of ${late} load processes joined after the first message`)
  const unknown = loads.reduce((total, { counts }) => total + counts.unknown, 0)
  flag(unknown > 0, `more than 100 %: ${unknown} messages arrived that were not published`)
  const skew = Math.min(...loads.map(({ minLatencyMs }) => minLatencyMs))
  flag(skew < -MAX_SKEW_MS, `clocks differ: a message arrived ${ms(-skew)} before it was sent`)
  const nothing = loads.filter(({ counts }) => counts.delivered === 0).length
  flag(nothing > 0, `${nothing} load processes received nothing`)
  const highest = new Set(loads.map((load) => load.highest))
  const stuckAt = loads[0]?.highest ?? 0
  flag(highest.size === 1 && stuckAt < perRoom, `no client received a message after number ${stuckAt} of ${perRoom}`)

  const busiest = Math.max(...loads.map(({ busy }) => busy))
  flag(busiest > MAX_LOAD_BUSY, `the load used ${Math.round(busiest * 100)} % of a processor`)
  const delay = Math.max(...loads.map(({ loopDelayP99Ms }) => loopDelayP99Ms))
  flag(delay > MAX_LOOP_DELAY_MS, `the event loop of the load was late by ${ms(delay)} (p99)`)

  const clients = loads.reduce((total, load) => total + load.clients, 0)
  const cutClients = loads.reduce((total, load) => total + load.cutClients, 0)
  const share = Math.round(evidence.minCutShare * 100)
  flag(
    cutClients < clients * evidence.minCutShare,
    `only ${cutClients} of ${clients} clients lost their connection, not ${share} %`,
  )
  if (awayMs !== undefined) {
    const away = loads.flatMap((load) => load.awayMs)
    flag(away.length === 0, 'no client was away')
    const early = Math.min(...away)
    flag(early < awayMs - 5, `a client returned after ${ms(early)} instead of ${ms(awayMs)}`)
    const middle = percentile(away, 0.5) ?? awayMs
    flag(
      middle > awayMs * (1 + MAX_AWAY_ERROR),
      `half of the clients were away for ${ms(middle)} or longer instead of ${ms(awayMs)}`,
    )
    const longest = percentile(away, 0.99) ?? awayMs
    flag(
      longest > awayMs + MAX_AWAY_ERROR_P99_MS,
      `clients were away for ${ms(longest)} (p99) instead of ${ms(awayMs)}`,
    )
  }
  return flags.filter((words) => words !== undefined)
}

function ms(value: number): string {
  return `${Math.round(value)} ms`
}
