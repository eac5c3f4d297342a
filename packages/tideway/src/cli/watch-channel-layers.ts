import type { Logger } from '../asgi/logger.ts'
import type { LayerFinding } from '../layer/channel-layer.ts'

/** How often a layer that cannot be reached is reported again while that lasts, in milliseconds. */
const REPEAT_MS = 60_000

/** How long a layer may take to connect at the start before the reason is looked for, in milliseconds. */
const START_MS = 1000

/** The subset of a channel layer that is watched: what those of `@tideway/redis` have. A layer in memory has none of it. */
export interface WatchedLayer {
  /** Resolves when the layer can be used. */
  ready?(): Promise<void>
  /** What is wrong with what the layer needs. */
  diagnose?(): Promise<readonly LayerFinding[]>
  /** Adds a listener. `host` names a server without its password. */
  on?(name: 'disconnected', listener: (event: LostHost) => void): unknown
  on?(name: 'reconnected', listener: (event: FoundHost) => void): unknown
}

/** A server that a layer cannot reach any more. */
export interface LostHost {
  readonly host: string
  readonly error: Error | undefined
}

/** A server that a layer reaches again. */
export interface FoundHost {
  readonly host: string
  /** Whether messages may have been lost in between. */
  readonly gap: boolean
  readonly downMs: number
}

/** What {@link watchChannelLayers} needs besides the layers. */
export interface WatchChannelLayersOptions {
  readonly logger: Logger
  /** @default 60000 */
  readonly repeatMs?: number | undefined
  /** @default 1000 */
  readonly startMs?: number | undefined
}

/**
 * Connects the channel layers of an application and logs when one of them cannot be reached: at the start, when a connection
 * is lost, once a minute while that lasts, and when the layer is back.
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

class LayerWatch {
  readonly #alias: string
  readonly #layer: WatchedLayer
  readonly #logger: Logger
  readonly #repeatMs: number
  /** The timers of what is wrong at the moment, by host; that of the start has the key ''. */
  readonly #timers = new Map<string, NodeJS.Timeout>()
  #isReported = false
  #isStopped = false

  constructor(alias: string, layer: WatchedLayer, { logger, repeatMs, startMs }: WatchChannelLayersOptions) {
    this.#alias = alias
    this.#layer = layer
    this.#logger = logger
    this.#repeatMs = repeatMs ?? REPEAT_MS
    layer.on?.('disconnected', (event) => this.#lost(event))
    layer.on?.('reconnected', (event) => this.#found(event))
    if (layer.ready !== undefined) void this.#start(startMs ?? START_MS)
  }

  stop(): void {
    this.#isStopped = true
    for (const timer of this.#timers.values()) clearTimeout(timer)
    this.#timers.clear()
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
      // The application has closed the layer itself: nothing is wrong with it.
      return (error as { readonly code?: unknown }).code === 'ERR_LAYER_CLOSED'
    }
  }

  /** Logs why the layer is not connected yet, and again after a while. */
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

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}
