import { ClientError } from './errors.ts'
import { createTimer, type Timer } from './timer.ts'
import type { WebSocketPayload } from './web-socket-port.ts'

/** The limits of the outbox. */
export interface OutboxOptions {
  /** The maximum number of queued messages; also of unanswered requests. @default 1000 */
  readonly maxMessages?: number
  /** The maximum number of queued bytes. @default 1048576 */
  readonly maxBytes?: number
  /** The time after which a queued message expires. Requests have their own timeout. @default 300000 */
  readonly maxAgeMs?: number
  /** What a full outbox does: `send` throws, or the oldest messages are dropped. @default 'refuse' */
  readonly overflow?: 'refuse' | 'drop-oldest'
}

/**
 * The outcome of a message. `sent`: an open socket has it, in order; only an answer shows that it arrived. `expired`: it
 * was queued for longer than `maxAgeMs`. `dropped`: a newer message needed its space. `closed`: the client closed first.
 */
export type SendOutcome = 'sent' | 'expired' | 'dropped' | 'closed'

/** A message to send. */
export interface Entry {
  readonly data: WebSocketPayload
  settle(outcome: SendOutcome): void
  /** Set by the outbox: the size on the wire, and the timer that expires the message. */
  bytes?: number
  age?: Timer
}

/** A bounded queue of the messages that wait for a connection. */
export interface Outbox {
  /** The number of queued messages. */
  readonly size: number
  readonly bytes: number
  /** Appends a message. Throws `ERR_OUTBOX_FULL` if the outbox is full and may drop nothing. */
  add(entry: Entry, maxAgeMs?: number): void
  /** Removes the oldest message and settles it with the outcome. */
  shift(outcome: SendOutcome): Entry | undefined
  /** Prepends a message that was sent on a lost connection. Ignores the limits, because they counted it before. */
  putBack(entry: Entry): void
  /** Removes one message, at any position. */
  remove(entry: Entry): void
}

/** Creates an empty outbox. */
export function createOutbox({ maxMessages, maxBytes, maxAgeMs, overflow }: Required<OutboxOptions>): Outbox {
  let waiting: Entry[] = []
  const outbox: Outbox = {
    get size() {
      return waiting.length
    },
    get bytes() {
      return waiting.reduce((sum, { bytes = 0 }) => sum + bytes, 0)
    },
    add(entry, ageMs = maxAgeMs) {
      const bytes = (entry.bytes = payloadBytes(entry.data))
      const isFull = (): boolean => outbox.size >= maxMessages || outbox.bytes + bytes > maxBytes
      if (overflow === 'drop-oldest' && bytes <= maxBytes) while (outbox.size > 0 && isFull()) outbox.shift('dropped')
      if (isFull()) throw new ClientError('ERR_OUTBOX_FULL', `${outbox.size} are pending`)
      waiting.push(entry)
      entry.age = createTimer()
      entry.age.set(ageMs, () => {
        outbox.remove(entry)
        entry.settle('expired')
      })
    },
    shift(outcome) {
      const [entry] = waiting
      if (entry) {
        outbox.remove(entry)
        entry.settle(outcome)
      }
      return entry
    },
    putBack(entry) {
      entry.bytes = payloadBytes(entry.data)
      waiting.unshift(entry)
    },
    remove(entry) {
      entry.age?.clear()
      waiting = waiting.filter((other) => other !== entry)
    },
  }
  return outbox
}

/** Returns the size on the wire. A `Blob` counts the UTF-8 bytes of a text too. React Native's `Blob` accepts no buffers. */
function payloadBytes(data: WebSocketPayload): number {
  return (data as ArrayBuffer).byteLength ?? new Blob([data]).size
}
