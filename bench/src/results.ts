/** What one pass of the bench has measured, as it is written to `results/`. */
export interface Results {
  readonly date: string
  readonly machine: Machine
  /** Of each server that was measured, by its name. */
  readonly versions: Readonly<Record<string, string>>
  readonly runs: number
  readonly seconds: number
  /** How long the whole pass took. */
  readonly minutes: number
  readonly rows: readonly Row[]
  readonly skipped: readonly Skipped[]
}

export interface Machine {
  readonly processor: string
  readonly processors: number
  readonly memoryGiB: number
  readonly system: string
  readonly node: string
  /** Whether server and load had a processor each. */
  readonly isPinned: boolean
  /** Of the minute before: how many processes wanted a processor. */
  readonly loadAverage: number
}

/** What was not measured, and why. */
export interface Skipped {
  readonly what: string
  readonly reason: string
}

/** One work and one figure of it, for all who did it. */
export interface Row {
  readonly id: string
  readonly title: string
  readonly unit: string
  readonly better: 'lower' | 'higher'
  readonly figures: readonly Figure[]
  readonly targets: readonly Target[]
}

/** What one server did in a row: a value a run, in the order of the runs. */
export interface Figure {
  readonly name: string
  readonly values: readonly number[]
  /** How busy the server was, of one processor: the mean of the runs. */
  readonly serverBusy: number
  /** How busy the load was, of one processor: the mean of the runs. */
  readonly loadBusy: number
  /** What came a second: the mean of the runs. */
  readonly perSecond: number
}

/**
 * What one figure is held against: another one times a factor, or a number. Where lower is better it may be at most that,
 * where higher is better it has to be at least that.
 */
export interface Target {
  readonly name: string
  readonly factor: number
  /** The figure beside it; without one, the factor is the number itself. */
  readonly against?: { readonly name: string; readonly row?: string }
}
