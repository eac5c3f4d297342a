import { TidewayError } from '../errors/tideway-error.ts'
import { handlerNameOf } from './handlers.ts'
import { nearName } from './near-name.ts'
import type { RunOptions } from './run-options.ts'

// The errors and log messages of a consumer's run.

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

/** The class has no handler for a message. */
export function unhandledType({ name }: Named, type: string, consumer: object): string {
  const handler = handlerNameOf(type)
  const what = `${name} has no handler for messages of type "${type}"`
  if (handler === undefined) return `${what}, and cannot have one`
  const near = nearName(handler, methodNamesOf(consumer))
  return near === undefined ? `${what}: add ${handler}()` : `${what}: add ${handler}(). It has ${near}()`
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
