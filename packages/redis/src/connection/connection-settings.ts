import { MAX_TIMER_MS, TidewayError } from 'tideway/layer/kit'

/** Timeouts and intervals of the connections to Redis. */
export interface ConnectionSettings {
  /** How long calls wait for the first connect before they reject, in milliseconds. @default 10000 */
  readonly connectTimeoutMs?: number | undefined
  /** How long Redis may take to answer a command, in milliseconds. @default 5000 */
  readonly commandTimeoutMs?: number | undefined
  /** The interval of heartbeats and the time to answer one, in milliseconds. @default 3000 */
  readonly heartbeatIntervalMs?: number | undefined
  /** The longest pause between two reconnect attempts, in milliseconds; the first pause is 50. @default 5000 */
  readonly maxReconnectDelayMs?: number | undefined
  /**
   * How long `send`, `groupAdd` and `groupSend` wait for a Redis that is unreachable, in milliseconds. Then `send` and
   * `groupAdd` reject, and `groupSend` drops the message. 0 disables the wait. @default 1000
   */
  readonly waitWhileDownMs?: number | undefined
}

/** {@link ConnectionSettings} with all fields set. */
export type FullConnectionSettings = { readonly [Key in keyof ConnectionSettings]-?: number }

/** The defaults of {@link ConnectionSettings}. */
export const connectionDefaults: FullConnectionSettings = Object.freeze({
  connectTimeoutMs: 10_000,
  commandTimeoutMs: 5000,
  heartbeatIntervalMs: 3000,
  maxReconnectDelayMs: 5000,
  waitWhileDownMs: 1000,
})

/** @throws TidewayError `ERR_BAD_OPTION` */
export function connectionSettings(options: ConnectionSettings): FullConnectionSettings {
  return {
    connectTimeoutMs: milliseconds('connectTimeoutMs', options, 1),
    commandTimeoutMs: milliseconds('commandTimeoutMs', options, 1),
    heartbeatIntervalMs: milliseconds('heartbeatIntervalMs', options, 1),
    maxReconnectDelayMs: milliseconds('maxReconnectDelayMs', options, 1),
    waitWhileDownMs: milliseconds('waitWhileDownMs', options, 0),
  }
}

function milliseconds(name: keyof FullConnectionSettings, options: ConnectionSettings, least: number): number {
  const value = options[name] ?? connectionDefaults[name]
  if (Number.isFinite(value) && value >= least && value <= MAX_TIMER_MS) return value
  throw new TidewayError('ERR_BAD_OPTION', `${name} must be a number from ${least} to ${MAX_TIMER_MS}, not ${value}.`)
}
