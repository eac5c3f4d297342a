import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'

/** The figures of a server, as `ProcessFigures` of `tideway/layer/kit`. */
export interface InspectedFigures {
  readonly id: string
  readonly pid: number
  readonly host: string
  readonly uptimeMs: number
  readonly version: string
  readonly connections: number
  readonly eventLoopDelayMs: number
}

/** The subset of the kept groups of a layer that a survey needs. */
export interface SurveyingGroups {
  readonly survey?:
    | {
        describeProcess(figures: () => InspectedFigures): void
        run(
          waitMs: number,
          options: { readonly maxGroups: number; readonly maxAnswers: number },
        ): Promise<{ readonly processes: number; readonly answers: readonly { readonly process: unknown }[] }>
      }
    | undefined
}

/** A process of the list. A process without an inspector has no version, connections or delay. */
export interface ProcessRow {
  readonly id: string
  readonly pid: number | null
  readonly host: string
  readonly uptimeMs: number | null
  readonly version: string
  readonly connections: number | null
  readonly eventLoopDelayMs: number | null
  /** Whether it is the process of this inspector. */
  readonly isThis: boolean
}

/** The processes that have answered. */
export interface ProcessList {
  readonly rows: readonly ProcessRow[]
  /** How many processes have not answered in time, or are over {@link MAX_PROCESSES}. */
  readonly missing: number
}

/** The most processes of a list. */
export const MAX_PROCESSES = 200
/** How long the processes have to answer. */
const ANSWER_MS = 1000
/** How long a list is new enough for other pages. */
const FRESH_MS = 3000
/** The most characters of a text of another process. */
const MAX_TEXT = 200

const packageFile = new URL('../../../package.json', import.meta.url)

/** The processes that share the channel layers of an application. */
export class InspectedProcesses {
  readonly #groups: readonly SurveyingGroups[]
  readonly #own: () => InspectedFigures
  #newest: Promise<ProcessList> | undefined
  #askedAt = -Infinity

  /** @param figuresOf the connections of the server, its up time and the delay of its event loop */
  constructor(
    layers: Readonly<Record<string, { readonly keptGroups?: SurveyingGroups | undefined }>>,
    figuresOf: () => Pick<InspectedFigures, 'uptimeMs' | 'connections' | 'eventLoopDelayMs'>,
  ) {
    const { version } = JSON.parse(readFileSync(packageFile, 'utf8')) as { readonly version: string }
    const server = { id: randomUUID(), pid: process.pid, host: hostname(), version }
    this.#groups = Object.values(layers).flatMap(({ keptGroups }) => keptGroups ?? [])
    this.#own = () => ({ ...server, ...figuresOf() })
  }

  /** Answers the inspectors of other processes from now on. */
  start(): void {
    for (const { survey } of this.#groups) survey?.describeProcess(this.#own)
  }

  /** Asks the processes. All pages of the same seconds get the same list. */
  list(): Promise<ProcessList> {
    const now = performance.now()
    if (this.#newest === undefined || now - this.#askedAt > FRESH_MS) {
      this.#askedAt = now
      this.#newest = this.#ask()
    }
    return this.#newest
  }

  async #ask(): Promise<ProcessList> {
    const bounds = { maxGroups: 0, maxAnswers: MAX_PROCESSES }
    const surveys = await Promise.all(
      // Without Redis, this process is still there. The overview shows the state of the layer.
      this.#groups.map(({ survey }) => survey?.run(ANSWER_MS, bounds).catch(() => undefined)),
    )
    const own = this.#own()
    const rows = new Map([[own.id, rowOf(own, own.id)]])
    let missing = 0
    for (const survey of surveys) {
      if (survey === undefined) continue
      missing = Math.max(missing, survey.processes - survey.answers.length)
      // A process with several layers answers in each.
      for (const { process } of survey.answers) {
        const row = rowOf(process, own.id)
        if (row.id !== own.id) rows.set(row.id, row)
      }
    }
    const others = [...rows.values()].slice(1).toSorted(byName)
    return { rows: [rows.get(own.id)!, ...others].slice(0, MAX_PROCESSES), missing }
  }
}

/** The figures of a process, which may have another version of tideway. */
function rowOf(figures: unknown, ownId: string): ProcessRow {
  const { id, pid, host, uptimeMs, version, connections, eventLoopDelayMs } = Object(figures) as Readonly<
    Record<string, unknown>
  >
  return {
    id: textOf(id),
    pid: numberOf(pid),
    host: textOf(host),
    uptimeMs: numberOf(uptimeMs),
    version: textOf(version),
    connections: numberOf(connections),
    eventLoopDelayMs: numberOf(eventLoopDelayMs),
    isThis: id === ownId,
  }
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value.slice(0, MAX_TEXT) : '')
const numberOf = (value: unknown): number | null => (typeof value === 'number' && Number.isFinite(value) ? value : null)

function byName(one: ProcessRow, other: ProcessRow): number {
  if (one.host !== other.host) return one.host < other.host ? -1 : 1
  return (one.pid ?? 0) - (other.pid ?? 0)
}
