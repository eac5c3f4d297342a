/** Measurements of the load in one phase. */
export interface Phase {
  /** Messages that arrived, responses, or connections that were opened. */
  readonly delivered: number
  readonly seconds: number
  /** Processor time of the server, all its processes and threads. */
  readonly serverCpuNs: number
  readonly serverBusy: number
  readonly loadBusy: number
  /** From sending to handling, where messages say when they were sent. */
  readonly p50Ms: number
  readonly p99Ms: number
  /** Of a fan-out: how many messages were under way. */
  readonly window?: number
  /** How many servers had their part of the connections, if it was not one. */
  readonly servers?: number
  /** Storm only: how many of the connections were accepted. */
  readonly accepted?: number
}

/** The output of the load. */
export interface LoadReport {
  readonly phases: readonly Phase[]
  readonly bytesPerConnection?: number
  /** Groups only: how many connections were open, and the resident memory of the server with them. */
  readonly connections?: number
  readonly residentBytes?: number
  /** Fan-out only: lost messages. */
  readonly missing?: number
}

/** The subject of a measurement. */
export interface Reading {
  readonly value: number
  readonly phase: Phase
}

/** Takes one figure from what the load printed. */
export type Reader = (report: LoadReport) => Reading | undefined

/** The server's processor time for each thing that arrived, in microseconds. */
export function cost(phase: Phase): number {
  return phase.serverCpuNs / 1000 / phase.delivered
}

/** How many there would be in a second of the server's processor time. */
export function perCpuSecond(phase: Phase): number {
  return (phase.delivered / phase.serverCpuNs) * 1e9
}

/** What is read of a report's phase, by its number; `undefined` where there was none. */
export function ofPhase(index: number, take: (phase: Phase, report: LoadReport) => number): Reader {
  return (report) => read(report.phases[index], (phase) => take(phase, report))
}

/** What is read of the phase of a fan-out with so many messages under way; `undefined` where there was none. */
export function inWindow(window: number, take: (phase: Phase) => number): Reader {
  return ({ phases }) =>
    read(
      phases.find((phase) => phase.window === window),
      take,
    )
}

function read(phase: Phase | undefined, take: (phase: Phase) => number): Reading | undefined {
  return phase === undefined ? undefined : { value: take(phase), phase }
}

/** The reports of loads that ran at the same time, each with a server of its own, as one. Latencies are those of the slowest. */
export function mergeReports(reports: readonly LoadReport[]): LoadReport {
  const [first, ...others] = reports
  if (first === undefined || others.length === 0) return first ?? { phases: [] }
  const sum = (read: (report: LoadReport) => number | undefined): number =>
    reports.reduce((total, report) => total + (read(report) ?? 0), 0)
  const connections = sum((report) => report.connections)
  return {
    phases: first.phases.map((_, index) => mergePhases(reports.map(({ phases }) => phases[index]!))),
    connections,
    residentBytes: sum((report) => report.residentBytes),
    bytesPerConnection:
      sum((report) => (report.bytesPerConnection ?? 0) * (report.connections ?? 0)) / Math.max(1, connections),
  }
}

function mergePhases(phases: readonly Phase[]): Phase {
  const sum = (key: 'delivered' | 'serverCpuNs' | 'serverBusy' | 'loadBusy'): number =>
    phases.reduce((total, phase) => total + phase[key], 0)
  const largest = (key: 'seconds' | 'p50Ms' | 'p99Ms'): number => Math.max(...phases.map((phase) => phase[key]))
  return {
    servers: phases.length,
    delivered: sum('delivered'),
    serverCpuNs: sum('serverCpuNs'),
    serverBusy: sum('serverBusy'),
    loadBusy: sum('loadBusy'),
    seconds: largest('seconds'),
    p50Ms: largest('p50Ms'),
    p99Ms: largest('p99Ms'),
  }
}
