import { requestLimitDefaults } from '../server/limits/limit-options.ts'
import { serverDefaults, type ServeOptions } from '../server/options.ts'
import { DEFAULT_LIFESPAN_TIMEOUT_MS } from '../server/serve.ts'

/** The defaults of `serve()` that the help prints. */
const defaults: Readonly<Record<string, unknown>> = {
  ...serverDefaults,
  ...requestLimitDefaults,
  lifespanTimeoutMs: DEFAULT_LIFESPAN_TIMEOUT_MS,
}

/** The default of an option in the unit of its flag. */
export function defaultText(flags: string, option: keyof ServeOptions): string {
  const value = defaults[option]
  if (value === false) return 'off'
  if (Array.isArray(value)) return value.join(',')
  if (typeof value !== 'number') return String(value)
  if (flags.endsWith('<bytes>')) return sizeText(value)
  return String(option.endsWith('Ms') ? value / 1000 : value)
}

function sizeText(bytes: number): string {
  if (bytes % (1024 * 1024) === 0) return `${bytes / (1024 * 1024)}M`
  return bytes % 1024 === 0 ? `${bytes / 1024}k` : String(bytes)
}
