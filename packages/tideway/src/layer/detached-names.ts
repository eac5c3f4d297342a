import { RecentMap } from '../errors/recent-map.ts'

/**
 * Minimum remembered detached channels, the most recent ones. Code of an ended consumer can still add its channel to a group,
 * and nothing would remove that member.
 */
export const MIN_DETACHED = 10_000

/** The names of the channels that were detached last. */
export class DetachedNames extends RecentMap<string, true> {
  constructor() {
    super(MIN_DETACHED)
  }

  add(name: string): void {
    this.set(name, true)
  }
}
