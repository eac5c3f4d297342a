/** The options of {@link AttemptLimit}. */
export interface AttemptLimitOptions {
  /** The maximum number of attempts per key and window. */
  readonly attempts: number
  /** The length of a window from its first attempt, in milliseconds. @default 60000 */
  readonly windowMs?: number
  /** The maximum number of keys. Above it the oldest window is dropped. @default 10000 */
  readonly maxKeys?: number
}

interface Window {
  readonly endsAt: number
  count: number
}

/** Counts attempts per key, such as an address, in this process. Its memory is bounded. */
export class AttemptLimit {
  readonly #options: Required<AttemptLimitOptions>
  /** The oldest first. */
  readonly #windows = new Map<string, Window>()

  constructor(options: AttemptLimitOptions) {
    this.#options = { windowMs: 60_000, maxKeys: 10_000, ...options }
  }

  /** Counts an attempt. Returns whether it is within the limit. */
  allows(key: string): boolean {
    const { attempts, windowMs, maxKeys } = this.#options
    // A monotonic clock: a clock that is set back would make a window longer.
    const now = performance.now()
    let window = this.#windows.get(key)
    if (window === undefined || window.endsAt <= now) {
      this.#windows.delete(key)
      const [oldest] = this.#windows.keys()
      if (this.#windows.size >= maxKeys && oldest !== undefined) this.#windows.delete(oldest)
      this.#windows.set(key, (window = { endsAt: now + windowMs, count: 0 }))
    }
    return ++window.count <= attempts
  }
}

/**
 * Returns the key of a client: its address, or the first 64 bits of an IPv6 address, because one client has all addresses of such a
 * network.
 */
export function networkOf(address = ''): string {
  if (!address.includes(':') || address.includes('.')) return address
  const [head = [], tail = []] = address.split('::').map((part) => part.split(':').filter(Boolean))
  const zeros = Array<string>(Math.max(0, 8 - head.length - tail.length)).fill('0')
  const groups = [...head, ...zeros, ...tail].slice(0, 4)
  return `${groups.map((group) => parseInt(group, 16).toString(16)).join(':')}::/64`
}
