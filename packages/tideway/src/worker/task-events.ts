/** Who is told of a job: the members of a group, or one channel, such as the `channelName` of the consumer that asked. */
export type TaskAudience =
  | { readonly group: string; readonly channel?: never }
  | { readonly channel: string; readonly group?: never }

/** The messages that a job sends to its audience, for `implements Handlers<TaskEvents>`. */
export type TaskEvents = {
  /** How far the job is: what it gave to `task.progress()`. */
  readonly 'task.progress': { readonly task: string; readonly id: string; readonly progress: unknown }
  /** The job is done: what its handler returned, `null` for nothing. */
  readonly 'task.done': { readonly task: string; readonly id: string; readonly result: unknown }
  /**
   * The job has failed, and is not tried again. `error` has the name and the message of an error with `expose: true`; of
   * another one it is `The task failed.`, and the log has the message.
   */
  readonly 'task.failed': {
    readonly task: string
    readonly id: string
    readonly error: { readonly name: string; readonly message: string }
  }
}
