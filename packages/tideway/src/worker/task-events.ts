/** The recipient of messages about a job: a group, or a channel such as the `channelName` of a consumer. */
export type TaskAudience =
  | { readonly group: string; readonly channel?: never }
  | { readonly channel: string; readonly group?: never }

/** The messages that a job sends to its recipient, for `implements Handlers<TaskEvents>`. */
export type TaskEvents = {
  /** The job called `task.progress()`. */
  readonly 'task.progress': { readonly task: string; readonly id: string; readonly progress: unknown }
  /** The job has ended. `result` is the return value of its handler, `null` instead of `undefined`. */
  readonly 'task.done': { readonly task: string; readonly id: string; readonly result: unknown }
  /**
   * The last attempt of the job failed. `error` has the name and the message of an error with `expose: true`. For other errors
   * the message is `The task failed.`, and only the log has the original message.
   */
  readonly 'task.failed': {
    readonly task: string
    readonly id: string
    readonly error: { readonly name: string; readonly message: string }
  }
}
