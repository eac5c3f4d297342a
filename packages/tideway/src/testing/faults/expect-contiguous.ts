import { isDeepStrictEqual } from 'node:util'
import { TidewayError } from '../../errors/tideway-error.ts'
import { formatPosition, parsePosition, type Position } from '../../layer/log/position.ts'

/** What one client has received of one kept group, in order of receipt: an event, or a notice that its position is lost. */
export type Received =
  | {
      /** The position of the event. */
      readonly position: string | Position
      /** The event, to compare it with the same event at another client. */
      readonly event?: unknown
      readonly reset?: undefined
    }
  | {
      /** The reason of the reset, or of `recovered: false`. */
      readonly reset: string
      /** The position after which the events continue. Without it, the next event may have any position. */
      readonly position?: string | Position | undefined
    }

/** The counts of {@link expectContiguous}. */
export interface Contiguity {
  readonly events: number
  readonly resets: number
}

/**
 * Checks what clients have received of one kept group: every client has each event once and in the order of the offsets, without a
 * hole, except after a reset; and events with the same position are equal at all clients. Cannot see a missing end: publish a last
 * event, and wait until each client has received it.
 * @param clients what each client has received
 * @returns the counts of all clients together, to check that there were events
 * @throws TidewayError `ERR_TEST_EXPECTATION` with the first event that is missing, repeated or out of order; `ERR_BAD_POSITION`
 */
export function expectContiguous(...clients: readonly (readonly Received[])[]): Contiguity {
  const eventAt = new Map<string, unknown>()
  let events = 0
  let resets = 0
  for (const [client, received] of clients.entries()) {
    let last: Position | undefined
    for (const [index, item] of received.entries()) {
      const where = clients.length === 1 ? `[${index}]` : `[${index}] of client ${client}`
      if (item.reset !== undefined) {
        resets++
        last = item.position === undefined ? undefined : positionOf(item.position)
        continue
      }
      events++
      const position = positionOf(item.position)
      const text = formatPosition(position)
      if (last !== undefined) requireNext(last, position, where)
      last = position
      if (!eventAt.has(text)) eventAt.set(text, item.event)
      else if (!isDeepStrictEqual(eventAt.get(text), item.event)) {
        throw unexpected(`The event ${text} at ${where} differs from the event that was received before`)
      }
    }
  }
  return { events, resets }
}

function requireNext(last: Position, { epoch, offset }: Position, where: string): void {
  const before = formatPosition(last)
  const now = `${epoch}:${offset}`
  if (offset === last.offset + 1) return
  if (now === before) throw unexpected(`The event ${now} at ${where} was received twice`)
  if (offset <= last.offset) throw unexpected(`The event ${now} at ${where} was received after ${before}`)
  const missing = offset - last.offset - 1
  throw unexpected(
    `${missing} ${missing === 1 ? 'event is' : 'events are'} missing between ${before} and ${now} at ${where}`,
  )
}

function positionOf(position: string | Position): Position {
  return typeof position === 'string' ? parsePosition(position) : position
}

function unexpected(problem: string): TidewayError {
  return new TidewayError('ERR_TEST_EXPECTATION', `${problem}.`)
}
