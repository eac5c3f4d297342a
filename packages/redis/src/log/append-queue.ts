import { TidewayError, type AppendOptions } from 'tideway/layer/kit'

/** The maximum number of appends of a group that one call of the script carries. */
const MAX_BATCH_ENTRIES = 64

/** The maximum number of bytes of their bodies. One append may have more. */
const MAX_BATCH_BYTES = 65_536

/** An event for a log. */
export interface LogEvent {
  /** The stored form of the event. */
  readonly body: Buffer
  readonly id: string | undefined
}

/** The result of one append. */
export interface AppendResult {
  readonly epoch: string
  readonly offset: number
  readonly duplicate: boolean
}

/** The options that all appends of a call share. */
export type BatchOptions = Required<Pick<AppendOptions, 'size' | 'ttlMs' | 'headTtlMs'>> & { readonly idTtlMs: number }

interface Waiting {
  resolve(result: AppendResult): void
  reject(error: unknown): void
}

/** Appends that go into one call, with different ids. */
interface Batch {
  readonly options: BatchOptions
  readonly events: LogEvent[]
  readonly waiting: Waiting[]
  bytes: number
}

/**
 * The appends of this process to one group, in the order of the calls. Those of one turn of the event loop, and those that come while a
 * call has no reply, go into one call of the script: its fixed costs in Redis are 3/4 of a call with a single event. A full batch does
 * not wait, so a distant Redis does not limit the rate.
 */
export class AppendQueue {
  readonly #send: (events: readonly LogEvent[], options: BatchOptions) => Promise<readonly AppendResult[]>
  readonly #onIdle: () => void
  #batch: Batch | undefined
  #calls = 0

  /**
   * @param send appends the events, and resolves with their results in the same order
   * @param onIdle is called when nothing waits
   */
  constructor(
    send: (events: readonly LogEvent[], options: BatchOptions) => Promise<readonly AppendResult[]>,
    onIdle: () => void,
  ) {
    this.#send = send
    this.#onIdle = onIdle
  }

  append(event: LogEvent, options: BatchOptions): Promise<AppendResult> {
    if (this.#batch !== undefined && !fits(this.#batch, event, options)) this.release()
    this.#batch ??= this.#newBatch(options)
    const { events, waiting } = this.#batch
    this.#batch.bytes += event.body.length
    events.push(event)
    return new Promise((resolve, reject) => void waiting.push({ resolve, reject }))
  }

  /** Sends what waits, before the calls that follow. */
  release(): void {
    if (this.#batch === undefined) return
    const { events, waiting, options } = this.#batch
    this.#batch = undefined
    this.#calls++
    this.#send(events, options)
      .then(
        (results) => waiting.forEach(({ resolve }, index) => resolve(results[index]!)),
        (error: unknown) => waiting.forEach(({ reject }) => reject(errorFor(error))),
      )
      .finally(() => this.#answered())
  }

  #newBatch(options: BatchOptions): Batch {
    if (this.#calls === 0) this.#releaseSoon()
    return { options, events: [], waiting: [], bytes: 0 }
  }

  #answered(): void {
    if (--this.#calls > 0) return
    if (this.#batch === undefined) this.#onIdle()
    else this.#releaseSoon()
  }

  /** After the callbacks of this turn, which may append more. */
  #releaseSoon(): void {
    process.nextTick(() => this.release())
  }
}

function fits({ events, bytes, options }: Batch, { body, id }: LogEvent, wanted: BatchOptions): boolean {
  if (events.length >= MAX_BATCH_ENTRIES || bytes + body.length > MAX_BATCH_BYTES) return false
  if (id !== undefined && events.some((event) => event.id === id)) return false
  const { size, ttlMs, headTtlMs, idTtlMs } = options
  return size === wanted.size && ttlMs === wanted.ttlMs && headTtlMs === wanted.headTtlMs && idTtlMs === wanted.idTtlMs
}

/** Each caller gets an error of its own. */
function errorFor(error: unknown): unknown {
  return error instanceof TidewayError ? new TidewayError(error.code, error.message, { cause: error.cause }) : error
}
