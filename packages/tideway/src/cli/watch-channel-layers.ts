import type { Logger } from '../asgi/logger.ts'
import type { LayerFinding } from '../layer/channel-layer.ts'

/** The interval of the log lines while a layer cannot be reached or keeps missing messages, in milliseconds. */
const REPEAT_MS = 60_000

/** How long a layer may take to connect at startup before its findings are logged, in milliseconds. */
const START_MS = 1000

/** The subset of a channel layer that is watched. The layers of `@tideway/redis` have all of it, the in-memory layer none. */
export interface WatchedLayer {
  /** Resolves when the layer is connected. */
  ready?(): Promise<void>
  /** Checks the servers of the layer. */
  diagnose?(): Promise<readonly LayerFinding[]>
  /** Adds a listener. `host` names a server without its password. */
  on?(name: 'disconnected', listener: (event: LostHost) => void): unknown
  on?(name: 'reconnected', listener: (event: FoundHost) => void): unknown
  on?(name: 'gap', listener: (event: LayerGap) => void): unknown
  on?(name: 'readFailed', listener: (event: FailedRead) => void): unknown
}

/** A server that the layer can no longer reach. */
export interface LostHost {
  readonly host: string
  readonly error: Error | undefined
}

/** A server that the layer reaches again. */
export interface FoundHost {
  readonly host: string
  /** Whether messages may have been lost while the server was unreachable. */
  readonly gap: boolean
  readonly downMs: number
}

/** Messages that members of groups in this process missed. */
export interface LayerGap {
  readonly host: string
  readonly groups: readonly string[]
  readonly reason: string
}

/** A log of a kept group that the layer cannot read, once per group and minute. */
export interface FailedRead {
  readonly group: string
  readonly error: unknown
}

/** The options of {@link watchChannelLayers}. */
export interface WatchChannelLayersOptions {
  readonly logger: Logger
  /** @default 60000 */
  readonly repeatMs?: number | undefined
  /** @default 1000 */
  readonly startMs?: number | undefined
}

/**
 * Connects the channel layers of an application. Logs when a layer cannot be reached (at startup, when a connection is lost,
 * once a minute while that lasts, and when the layer is back), when its groups missed messages (at most once a minute), and when
 * the log of a kept group cannot be read.
 * @param layers by alias
 * @returns a function that ends the watch; the layers stay open
 */
export function watchChannelLayers(
  layers: Readonly<Record<string, object>>,
  options: WatchChannelLayersOptions,
): () => void {
  const watches = Object.entries(layers).map(([alias, layer]) => new LayerWatch(alias, layer, options))
  return () => {
    for (const watch of watches) watch.stop()
  }
}

interface GapSummary {
  count: number
  maxGroups: number
  readonly reasons: Set<string>
}

class LayerWatch {
  readonly #alias: string
  readonly #layer: WatchedLayer
  readonly #logger: Logger
  readonly #repeatMs: number
  /** The timers of current problems, by host. The timer of the startup has the key ''. */
  readonly #timers = new Map<string, NodeJS.Timeout>()
  /** The gaps since the last line about gaps, by host. A host is in it while its next line waits for the interval to end. */
  readonly #gaps = new Map<string, GapSummary>()
  #isReported = false
  #isStopped = false

  constructor(alias: string, layer: WatchedLayer, { logger, repeatMs, startMs }: WatchChannelLayersOptions) {
    this.#alias = alias
    this.#layer = layer
    this.#logger = logger
    this.#repeatMs = repeatMs ?? REPEAT_MS
    layer.on?.('disconnected', (event) => this.#lost(event))
    layer.on?.('reconnected', (event) => this.#found(event))
    layer.on?.('gap', (event) => this.#gap(event))
    layer.on?.('readFailed', ({ group, error }) => {
      const reason = error instanceof Error ? error.message : String(error)
      this.#warn(`the log of the group "${group}" cannot be read (${reason}). Trying again.`)
    })
    if (layer.ready !== undefined) void this.#start(startMs ?? START_MS)
  }

  stop(): void {
    this.#isStopped = true
    for (const timer of this.#timers.values()) clearTimeout(timer)
    this.#timers.clear()
    this.#gaps.clear()
  }

  async #start(startMs: number): Promise<void> {
    this.#setTimer('', startMs, () => void this.#explain())
    while (!this.#isStopped && !(await this.#isReady()))
      await new Promise((resolve) => setTimeout(resolve, startMs).unref())
    this.#clearTimer('')
    if (!this.#isReported || this.#isStopped) return
    this.#warn('is connected.')
  }

  async #isReady(): Promise<boolean> {
    try {
      await this.#layer.ready?.()
      return true
    } catch (error) {
      // The application has closed the layer: there is no problem to report.
      return (error as { readonly code?: unknown }).code === 'ERR_LAYER_CLOSED'
    }
  }

  /** Logs why the layer is not connected yet, and sets the timer of the next line. */
  async #explain(): Promise<void> {
    const findings = (await this.#layer.diagnose?.().catch(() => undefined)) ?? []
    if (!this.#timers.has('')) return
    for (const { found } of findings.filter(({ level }) => level === 'problem')) {
      this.#isReported = true
      this.#warn(`${found} Trying again.`)
    }
    this.#setTimer('', this.#repeatMs, () => void this.#explain())
  }

  #lost({ host, error }: LostHost): void {
    const since = performance.now()
    const reason = error === undefined ? '' : ` (${error.message || (error as NodeJS.ErrnoException).code})`
    this.#warn(`${host} cannot be reached any more${reason}. Trying again.`)
    const repeat = (): void => {
      this.#warn(`${host} has been unreachable for ${seconds(performance.now() - since)}. Trying again.`)
      this.#setTimer(host, this.#repeatMs, repeat)
    }
    this.#setTimer(host, this.#repeatMs, repeat)
  }

  #found({ host, gap, downMs }: FoundHost): void {
    this.#clearTimer(host)
    this.#warn(
      `${host} is back after ${seconds(downMs)}. ${gap ? 'Messages may have been lost.' : 'No message was lost.'}`,
    )
  }

  /** Logs the first gap at once, and the gaps of each following interval in one line. */
  #gap({ host, groups, reason }: LayerGap): void {
    const summary = this.#gaps.get(host)
    if (summary !== undefined) {
      summary.count++
      summary.maxGroups = Math.max(summary.maxGroups, groups.length)
      summary.reasons.add(reason)
      return
    }
    this.#warn(`${groupCount(groups.length)} of this process missed messages of ${host} (${reason}).`)
    this.#collectGaps(host)
  }

  #collectGaps(host: string): void {
    const summary: GapSummary = { count: 0, maxGroups: 0, reasons: new Set() }
    this.#gaps.set(host, summary)
    this.#setTimer(`gap ${host}`, this.#repeatMs, () => {
      this.#gaps.delete(host)
      const { count, maxGroups, reasons } = summary
      if (count === 0) return
      this.#warn(
        `this process missed messages of ${host} ${count} more ${count === 1 ? 'time' : 'times'} in the last ` +
          `${seconds(this.#repeatMs)}, in up to ${groupCount(maxGroups)} (${[...reasons].join(', ')}).`,
      )
      this.#collectGaps(host)
    })
  }

  #warn(what: string): void {
    if (this.#isStopped) return
    const colon = what.startsWith('is ') ? '' : ':'
    this.#logger.warn({}, `Channel layer "${this.#alias}"${colon} ${what}`)
  }

  #setTimer(key: string, ms: number, act: () => void): void {
    this.#clearTimer(key)
    if (!this.#isStopped) this.#timers.set(key, setTimeout(act, ms).unref())
  }

  #clearTimer(key: string): void {
    clearTimeout(this.#timers.get(key))
    this.#timers.delete(key)
  }
}

function groupCount(count: number): string {
  return `${count} ${count === 1 ? 'group' : 'groups'}`
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}
