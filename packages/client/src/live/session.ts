import type { Link } from '../link.ts'

/** One connection to the consumer. There are two of them during a move. */
export interface Session {
  /** The later session has the larger number. */
  readonly number: number
  readonly link: Link
  /** Whether `hello` was sent on the current socket. Other frames follow it. */
  isReady: boolean
  /** Whether `hi` has answered it. */
  hasGreeted: boolean
  /** The groups whose join has not been answered, or that are joined again later. */
  readonly waiting: Set<string>
  /** The number of `leave` frames without an answer, by group. Frames of these groups are of the earlier join. */
  readonly leaving: Map<string, number>
  /** The maximum number of unanswered requests. */
  maxRequests: number
  /** The time of a `move` that arrived while the client was still moving to this session. */
  moveWithinMs?: number | undefined
}

/**
 * Writes a frame past the outbox. An unsent frame must not wait for the next connection, because `hello` has a newer position.
 */
export function write(session: Session, frame: object): void {
  const { socket } = session.link
  if (session.isReady && socket?.readyState === 1) socket.send(JSON.stringify(frame))
}
