import { TidewayError } from '../errors/tideway-error.ts'
import { handlerNameOf } from './handlers.ts'
import { nearName } from './near-name.ts'
import type { RunOptions } from './run-options.ts'

// What a run says when something is wrong.

type Named = Pick<RunOptions<never>, 'name'>

/** The consumer asks for a layer that its application does not have. */
export function noChannelLayer({
  name,
  channelLayerAlias,
}: Named & { readonly channelLayerAlias: string }): TidewayError {
  return new TidewayError(
    'ERR_NO_CHANNEL_LAYER',
    `${name} has no channel layer "${channelLayerAlias}": give defineApplication one of this name in channelLayers.`,
  )
}

/** A consumer sends, and has sent its last event before. */
export function sentAfterResponse({ name }: Named): string {
  return `${name} sent after its response was complete: that had no effect`
}

/** A handler did not end with its connection. */
export function leftBehind({
  name,
  disconnectTimeoutMs,
}: Named & { readonly disconnectTimeoutMs: number }): TidewayError {
  return new TidewayError(
    'ERR_APPLICATION_TIMEOUT',
    `A handler of ${name} was still running ${disconnectTimeoutMs} ms after its connection had ended, and was left behind: end it when this.signal aborts.`,
  )
}

/** A message came that the class does not handle. */
export function unhandledType({ name }: Named, type: string, consumer: object): string {
  const handler = handlerNameOf(type)
  const what = `${name} has no handler for messages of type "${type}"`
  if (handler === undefined) return `${what}, and cannot have one`
  const near = nearName(handler, methodNamesOf(consumer))
  return near === undefined ? `${what}: add ${handler}()` : `${what}: add ${handler}(). It has ${near}()`
}

/** The names of what could be meant as handlers: methods of the consumer, and static ones of its class. */
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
