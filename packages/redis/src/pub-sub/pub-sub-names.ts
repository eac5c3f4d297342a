/** The names of the Redis channels of a pub/sub layer. */
export class PubSubNames {
  readonly #prefix: string
  readonly #processName: string
  /** The Redis channel of all channels of this process. */
  readonly own: string
  /** The Redis channel for notes of dropped group sends. */
  readonly gap: string
  readonly beacon: string
  /** The start of the Redis channels of groups. */
  readonly groupPrefix: string

  constructor(prefix: string, processName: string) {
    this.#prefix = prefix
    this.#processName = processName
    this.own = this.process(processName)
    this.gap = `${prefix}:tideway:gap`
    this.beacon = `${prefix}:tideway:beacon:${processName}`
    this.groupPrefix = `${prefix}__group__`
  }

  /** The Redis channel of the channels of a process. */
  process(name: string): string {
    return `${this.#prefix}:tideway:process:${name}`
  }

  group(group: string): string {
    return this.groupPrefix + group
  }

  /** The pattern of the channels of this process with a prefix of `newChannel`. channels_redis publishes to them. */
  pattern(prefix: string): string {
    return `${prefix}.${this.#processName}!*`
  }
}
