import { ClientError } from './errors.ts'
import { createTimer, type Timer } from './timer.ts'
import type { Payload } from './web-socket-port.ts'

/** How much may wait while there is no connection, and for how long. */
export interface OutboxOptions {
  /** The most messages that wait; also the most requests that wait for an answer. @default 1000 */
  readonly maxMessages?: number
  /** The most bytes that wait. @default 1048576 */
  readonly maxBytes?: number
  /** How long a message may wait before it expires. Requests have a time-out of their own. @default 300000 */
  readonly maxAgeMs?: number
  /** What happens to a message that finds no room: `send` throws, or the oldest ones go. @default 'refuse' */
  readonly whenFull?: 'refuse' | 'drop-oldest'
}

/**
 * What became of a message. `sent`: handed to an open socket, in order; whether it arrived, only an answer can tell.
 * `expired`: waited longer than `maxAgeMs`. `dropped`: made room for a newer one. `closed`: the client was closed first.
 */
export type Outcome = 'sent' | 'expired' | 'dropped' | 'closed'

/** A message on its way out. */
export interface Entry {
  readonly data: Payload
  settle(outcome: Outcome): void
  /** The outbox's own: how large it is on the wire, and the timer of its age. */
  bytes?: number
  age?: Timer
}

/** The messages that wait for a connection, in order, within the bounds of the options. */
export interface Outbox {
  /** How many wait, and how many bytes they are. */
  readonly size: number
  readonly bytes: number
  /** Adds a message at the end, or throws `ERR_OUTBOX_FULL` by the policy. */
  add(entry: Entry, maxAgeMs?: number): void
  /** Takes the oldest message out, and tells it why. */
  shift(outcome: Outcome): Entry | undefined
  /** Puts a message back that was sent in vain, ahead of all others. Beyond the bounds: it had its room before. */
  putBack(entry: Entry): void
  /** Takes one message out, wherever it is. */
  remove(entry: Entry): void
}

/** Makes an empty outbox. */
export function createOutbox({ maxMessages, maxBytes, maxAgeMs, whenFull }: Required<OutboxOptions>): Outbox {
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
      if (whenFull === 'drop-oldest' && bytes <= maxBytes) while (isFull() && outbox.shift('dropped'));
      if (isFull()) throw new ClientError('ERR_OUTBOX_FULL', `${outbox.size} wait already`)
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

/** The bytes of a payload on the wire. A `Blob` counts those of a text too, in UTF-8; React Native's takes no buffers. */
function payloadBytes(data: Payload): number {
  return (data as ArrayBuffer).byteLength ?? new Blob([data]).size
}
