import type { Clock } from './clock.ts'
import type { Histogram } from './histogram.ts'

/** The delivery of one new event to the followers of its group in this process. */
export interface TracedDelivery {
  readonly group: string
  /** What {@link EventTracing.publish} has passed. `undefined` if the publisher does not trace. */
  readonly trace: string | undefined
  /** The number of followers in this process. */
  readonly followers: number
}

/**
 * Traces the events of kept groups from their publication to their delivery, for example with spans of OpenTelemetry. Is not called
 * once per follower, and a layer without it does nothing for it.
 */
export interface EventTracing {
  /**
   * Publishes an event or changes a value: calls `run` once and returns its result. The passed `trace`, such as a `traceparent` of W3C,
   * is in the log with the event, and no client gets it. It has at most 128 letters, digits, `-` and `_`, or is left out. It does not
   * travel with a changed value.
   */
  publish<Result>(group: string, run: (trace?: string) => Promise<Result>): Promise<Result>
  /**
   * Delivers a new event: calls `run` once, before it returns. Not called for events that followers read later. An error is reported
   * as a warning of the process, and the followers get the event.
   */
  deliver?(delivery: TracedDelivery, run: () => void): void
}

const START = '{"trace":"'
const tracePattern = /^[\w-]{1,128}$/

/** What observes publications. */
export interface PublishObservers {
  readonly tracing: EventTracing | undefined
  readonly clock: Clock
  readonly times: { readonly publish: Histogram }
}

/** Runs a publication and measures it, with the trace in its body if there is one. */
export async function observePublish<Result>(
  { tracing, clock, times }: PublishObservers,
  group: string,
  body: string,
  run: (body: string) => Promise<Result>,
): Promise<Result> {
  const startedAt = clock.now()
  const running = tracing === undefined ? run(body) : tracing.publish(group, (trace) => run(withTrace(body, trace)))
  const result = await running
  times.publish.observe(clock.now() - startedAt)
  return result
}

/** Runs a delivery exactly once, whatever `deliver` does. */
export function deliverTraced(
  deliver: NonNullable<EventTracing['deliver']>,
  group: string,
  body: string,
  followers: number,
  run: () => void,
  failed: (error: unknown) => void,
): void {
  let isDone = false
  const runOnce = (): void => {
    if (isDone) return
    isDone = true
    run()
  }
  try {
    deliver({ group, trace: traceOf(body), followers }, runOnce)
  } catch (error) {
    failed(error)
  }
  runOnce()
}

/** Reports an error of `deliver`. */
export function warnOfTracing(error: unknown): void {
  process.emitWarning(
    `The tracing of kept groups failed. Followers get their events.\n${String((error as Error).stack ?? error)}`,
  )
}

/** Puts the trace before the members of a JSON object. */
function withTrace(body: string, trace: string | undefined): string {
  return trace !== undefined && tracePattern.test(trace) && body.startsWith('{"')
    ? `${START}${trace}",${body.slice(1)}`
    : body
}

/** The trace of a body. */
export function traceOf(body: string): string | undefined {
  return body.startsWith(START) ? body.slice(START.length, body.indexOf('"', START.length)) : undefined
}

/** The body as it was published. */
export function withoutTrace(body: string): string {
  // A comma follows the quotation mark.
  return body.startsWith(START) ? `{${body.slice(body.indexOf('"', START.length) + 2)}` : body
}
