import { isConnectionClosed } from '../errors/connection-closed.ts'
import { resolvesWithin } from '../errors/resolves-within.ts'
import { TidewayError } from '../errors/tideway-error.ts'
import type { HandlerCalls } from './handler-calls.ts'
import { nearName } from './near-name.ts'
import type { RunOptions } from './run-options.ts'

// The errors and log messages of a consumer's run, and the errors that only mean that its connection has ended.

/** An error of a handler or of the end. Boxed, because `undefined` can be thrown too. */
export interface Failure {
  readonly error: unknown
  /** Whether another consumer has reported it. */
  readonly isReported?: boolean
}

type Named = Pick<RunOptions<never>, 'name'>

/** The application does not define the consumer's channel layer. */
export function noChannelLayer({
  name,
  channelLayerAlias,
}: Named & { readonly channelLayerAlias: string }): TidewayError {
  return new TidewayError(
    'ERR_NO_CHANNEL_LAYER',
    `${name} has no channel layer "${channelLayerAlias}": give defineApplication one of this name in channelLayers.`,
  )
}

/** A consumer sent after its last event. */
export function sentAfterResponse({ name }: Named): string {
  return `${name} sent after its response was complete, which has no effect`
}

/** Messages arrive faster than the consumer handles them. */
export function tooSlow({ name, capacityBytes }: Named & { readonly capacityBytes: number }, capacity: number): string {
  return `${name} handles messages more slowly than they arrive: messages beyond its capacity of ${capacity} messages or ${capacityBytes} bytes are dropped`
}

/** A handler still runs at the deadline after the end of its connection. */
export function leftBehind({
  name,
  disconnectTimeoutMs,
}: Named & { readonly disconnectTimeoutMs: number }): TidewayError {
  return new TidewayError(
    'ERR_APPLICATION_TIMEOUT',
    `A handler of ${name} was still running ${disconnectTimeoutMs} ms after its connection had ended, and was abandoned: return when this.signal aborts.`,
  )
}

/** Awaits `disconnect()` until its deadline, so that the consumer leaves its groups in any case. */
export async function endsInTime(
  disconnecting: PromiseLike<void>,
  { name, disconnectTimeoutMs }: Named & { readonly disconnectTimeoutMs: number },
): Promise<void> {
  if (await resolvesWithin(disconnecting, disconnectTimeoutMs, { ref: false })) return
  throw new TidewayError(
    'ERR_APPLICATION_TIMEOUT',
    `disconnect() of ${name} took more than ${disconnectTimeoutMs} ms and was abandoned.`,
  )
}

/** The class has no handler for a message, or for an event of a kept group. */
export function unhandledType({ name }: Named, calls: HandlerCalls, type: string, consumer: object): string {
  const handler = calls.nameOf(type)
  const what = `${name} has no handler for ${calls.kind} of type "${type}"`
  if (handler === undefined) return `${what}, and cannot have one`
  const near = nearName(handler, methodNamesOf(consumer))
  return near === undefined ? `${what}: add ${handler}()` : `${what}: add ${handler}(). It has ${near}()`
}

/** An entry of a kept group has another form than the events of `publish()`. */
export function malformedEvent({ name }: Named): string {
  return `${name} follows a group with an entry that is not an event, and skips it: publish events with a group of defineGroup(), and follow values with isState`
}

/** The names of possible handlers: methods of the consumer and static methods of its class. */
function methodNamesOf(consumer: object): Set<string> {
  const names = new Set<string>()
  for (const start of [consumer, consumer.constructor]) {
    for (
      let level: unknown = start;
      typeof level === 'object' ? level !== null && level !== Object.prototype : level !== Function.prototype;
      level = Object.getPrototypeOf(level)
    ) {
      for (const [key, { value }] of Object.entries(Object.getOwnPropertyDescriptors(level))) {
        if (/^on./i.test(key) && typeof value === 'function') names.add(key)
      }
    }
  }
  return names
}

/**
 * The errors of `send` that mean that the connection accepts no more events: it has ended, was closed because its client does
 * not read, or was answered by the server at the timeout.
 */
const tooLateCodes: ReadonlySet<string> = new Set([
  'ERR_CONNECTION_CLOSED',
  'ERR_SLOW_CONSUMER',
  'ERR_APPLICATION_TIMEOUT',
])

/**
 * Whether a send failed because its connection has ended.
 * @param isOver the consumer has ended or has sent its last event
 */
export function isTooLate(error: unknown, isOver: boolean): boolean {
  if (!(error instanceof TidewayError)) return false
  return tooLateCodes.has(error.code) || (isOver && error.code === 'ERR_OUT_OF_TURN')
}

/** Maximum sends after the end of one consumer that return at once. */
const LATE_SENDS_AT_ONCE = 1000

/** The pause of each further one, in milliseconds. */
const LATE_SEND_MS = 100

let pause: Promise<void> | undefined

/**
 * The pause of a send after the end. Otherwise a loop that sends without checking `this.signal` would block the event loop
 * permanently. All sends share one unreferenced timer. Returns `undefined` for the first sends.
 */
export function lateSendPause(sends: number): Promise<void> | undefined {
  if (sends <= LATE_SENDS_AT_ONCE) return undefined
  pause ??= new Promise((resolve) => {
    setTimeout(() => {
      pause = undefined
      resolve()
    }, LATE_SEND_MS).unref()
  })
  return pause
}

/**
 * Whether the error only means that the connection has ended: of a send, or of a call that the signal has aborted, with its
 * reason or with an `AbortError` of Node that has the reason as its cause.
 */
export function isEndOfConnection(error: unknown, signal: AbortSignal | undefined): boolean {
  if (isConnectionClosed(error)) return true
  if (signal?.aborted !== true) return false
  return (
    error === signal.reason || (error instanceof Error && error.name === 'AbortError' && error.cause === signal.reason)
  )
}
