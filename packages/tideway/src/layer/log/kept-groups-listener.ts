/** The callbacks of kept groups to their layer. */
export interface KeptGroupsListener {
  /** The log of a group cannot be read. It is read again soon. Called once per group and minute, for at most 100 groups. */
  readFailed(group: string, error: unknown): void
  /** A follower of the group has thrown or rejected, and was closed. */
  followerFailed(group: string, error: unknown): void
}

/** Used if the layer reports nothing itself. */
export const warningListener: KeptGroupsListener = Object.freeze({
  readFailed() {},
  followerFailed(group: string, error: unknown) {
    const detail = error instanceof Error ? (error.stack ?? error.message) : String(error)
    process.emitWarning(`A follower of the group "${group}" failed and gets no more events.`, { detail })
  },
})
