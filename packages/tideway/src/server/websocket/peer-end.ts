import { wholeMilliseconds } from '../transport/heartbeat.ts'
import type { Frame } from './frame.ts'

/** How the connection of a peer ends. Made when its end begins, so that an idle connection keeps none of it. */
export class PeerEnd {
  readonly code: number
  readonly reason: string
  /** Our close frame, while it waits for messages that precede it. */
  readonly answer: Frame | undefined
  /** Whether this side closed because the client does not read. The client may never read the close frame. */
  readonly isSlow: boolean
  #closedAt = 0

  constructor(code: number, reason: string, { answer, isSlow = false }: { answer?: Frame; isSlow?: boolean } = {}) {
    this.code = code
    this.reason = reason
    this.answer = answer
    this.isSlow = isSlow
  }

  /** The time of our close frame, or of the end without one. */
  get closedAt(): number {
    return this.#closedAt
  }

  /** Our close frame is sent, or the connection has ended. The first call counts. */
  closed(): void {
    this.#closedAt ||= wholeMilliseconds()
  }
}
