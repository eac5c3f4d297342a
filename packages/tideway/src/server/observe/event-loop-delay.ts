import { monitorEventLoopDelay } from 'node:perf_hooks'

/** How late the event loop was, in milliseconds: how long due callbacks waited for others to end. */
export interface EventLoopDelayFigures {
  readonly meanMs: number
  readonly p99Ms: number
  readonly maxMs: number
}

/** How often the delay is sampled. */
const RESOLUTION_MS = 20
/** The period of the figures. It is fixed, so that two readers of one server do not reset each other's figures. */
const WINDOW_MS = 10_000

const NANOSECONDS_PER_MS = 1e6

/** Measures the delay of the event loop in windows of ten seconds. */
export class EventLoopDelay {
  readonly #histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  readonly #timer: NodeJS.Timeout
  #last: EventLoopDelayFigures | undefined

  constructor() {
    this.#histogram.enable()
    this.#timer = setInterval(() => this.#turn(), WINDOW_MS).unref()
  }

  /** The figures of the last complete window, or of the running one if it is the first. */
  get figures(): EventLoopDelayFigures {
    return this.#last ?? this.#measure()
  }

  stop(): void {
    this.#last ??= this.#measure()
    clearInterval(this.#timer)
    this.#histogram.disable()
  }

  #turn(): void {
    this.#last = this.#measure()
    this.#histogram.reset()
  }

  #measure(): EventLoopDelayFigures {
    const { count, mean, max } = this.#histogram
    if (count === 0) return { meanMs: 0, p99Ms: 0, maxMs: 0 }
    return { meanMs: late(mean), p99Ms: late(this.#histogram.percentile(99)), maxMs: late(max) }
  }
}

/** A sample is the time between two timers of the histogram. Their interval is not a delay. */
function late(nanoseconds: number): number {
  return Math.max(0, nanoseconds / NANOSECONDS_PER_MS - RESOLUTION_MS)
}
