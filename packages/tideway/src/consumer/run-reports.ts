import { TidewayError } from '../errors/tideway-error.ts'
import { handlerNameOf } from './handlers.ts'
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
export function unhandledType({ name }: Named, type: string): string {
  const handler = handlerNameOf(type)
  const what = `${name} has no handler for messages of type "${type}"`
  return handler === undefined ? `${what}, and cannot have one` : `${what}: add ${handler}()`
}
