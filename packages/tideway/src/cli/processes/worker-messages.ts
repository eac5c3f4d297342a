/** How a worker stops. */
export interface WorkerStop {
  /** Whether another worker listens on its addresses, so that no client may be refused. */
  readonly isReplaced: boolean
  /** Whether another process may serve its clients: see `CloseOptions`. */
  readonly canMove: boolean
}

/** Messages of the primary process to a worker. */
export type PrimaryMessage = ({ readonly tideway: 'stop' } & WorkerStop) | { readonly tideway: 'reopen-logs' }

/** Messages of a worker to its primary process. */
export type WorkerMessage =
  /** The worker listens to messages; earlier messages are lost. */
  | { readonly tideway: 'linked' }
  | {
      readonly tideway: 'ready'
      /** Its addresses. */
      readonly urls: readonly string[]
    }

/** Whether the message is one of these. An application may send other messages over the same channel. */
export function isOurs(message: unknown): message is PrimaryMessage | WorkerMessage {
  return typeof message === 'object' && message !== null && 'tideway' in message
}
