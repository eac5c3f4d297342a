import type { ServerResponse } from 'node:http'
import { untilDrained } from '../transport/until-drained.ts'
import { shownEvent, textOf, type findGroup, type InspectedFollower } from './inspected-layers.ts'

/** The most taps at the same time. */
export const MAX_TAPS = 8

/** Streams the events of groups to operators, one JSON object per line. */
export class GroupTaps {
  readonly #secretNames: readonly string[]
  #open = 0

  constructor(secretNames: readonly string[]) {
    this.#secretNames = secretNames
  }

  get isFull(): boolean {
    return this.#open >= MAX_TAPS
  }

  /**
   * Responds with the events of the group until the client disconnects. A client that does not read gets later what the log has, and no
   * volatile event.
   */
  async stream(
    { keptGroups, group: { group, isState } }: NonNullable<ReturnType<typeof findGroup>>,
    response: ServerResponse,
  ): Promise<void> {
    this.#open++
    const closed = new Promise((resolve) => response.once('close', resolve))
    try {
      const { cursor } = await keptGroups.follow(group, this.#follower(response), { last: 0, isState })
      response.writeHead(200, { 'Content-Type': 'application/x-ndjson', 'Cache-Control': 'no-store' })
      response.flushHeaders()
      cursor.start()
      if (!response.destroyed) await closed
      cursor.close()
    } finally {
      this.#open--
    }
  }

  #follower(response: ServerResponse): InspectedFollower {
    const secretNames = this.#secretNames
    const write = (line: object): void | Promise<void> =>
      response.write(`${JSON.stringify(line)}\n`) ? undefined : untilDrained(response)
    return {
      onEntry: (entry) => write(shownEvent(entry.body, secretNames, entry)),
      onVolatile(body) {
        if (response.writableNeedDrain) return false
        void write(shownEvent(body, secretNames))
        return true
      },
      onReset: ({ why, position }) => write({ reset: why, position: textOf(position) }),
    }
  }
}
