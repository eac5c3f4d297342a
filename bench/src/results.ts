/** The results of one run of the bench, as written to `results/`. */
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
  /** Load average of the minute before. */
  readonly loadAverage: number
}

/** A skipped measurement and its reason. */
export interface Skipped {
  readonly what: string
  readonly reason: string
}

/** One kind of work and one figure of it, for all servers. */
export interface Row {
  readonly id: string
  readonly title: string
  readonly unit: string
  readonly better: 'lower' | 'higher'
  /** The servers were loaded at the same time in each run: ratios are medians of the ratios of the runs. */
  readonly isAtOnce?: boolean
  readonly figures: readonly Figure[]
  readonly targets: readonly Target[]
}

/** The values of one server in a row, one per run, in the order of the runs. */
export interface Figure {
  readonly name: string
  readonly values: readonly number[]
  /** How busy the server was, of one processor: the mean of the runs. */
  readonly serverBusy: number
  /** How busy the load was, of one processor: the mean of the runs. */
  readonly loadBusy: number
  /** The rate per second: the mean of the runs. */
  readonly perSecond: number
  /** How many server processes had their part of the connections, if it was not one. */
  readonly servers?: number
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
