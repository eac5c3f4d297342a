/** What the primary process tells a worker. */
export type PrimaryMessage =
  | {
      readonly tideway: 'stop'
      /** Another worker listens in its place: nobody is to be refused. */
      readonly isReplaced: boolean
    }
  | { readonly tideway: 'reopen-logs' }

/** What a worker tells its primary process. */
export type WorkerMessage =
  /** It hears what it is told from now on: what is sent to a worker before is lost. */
  | { readonly tideway: 'linked' }
  | {
      readonly tideway: 'ready'
      /** Where it listens. */
      readonly urls: readonly string[]
    }

/** Whether the message is one of these: an application may send its own over the same channel. */
export function isOurs(message: unknown): message is PrimaryMessage | WorkerMessage {
  return typeof message === 'object' && message !== null && 'tideway' in message
}
