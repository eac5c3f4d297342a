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
}

interface Waiting {
  readonly entry: Entry
  readonly bytes: number
  readonly age: Timer
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
export function createOutbox(options: Required<OutboxOptions>): Outbox {
  let waiting: Waiting[] = []
  const outbox: Outbox = {
    get size() {
      return waiting.length
    },
    get bytes() {
      return waiting.reduce((sum, { bytes }) => sum + bytes, 0)
    },
    add(entry, maxAgeMs = options.maxAgeMs) {
      const one = wait(entry)
      const { maxMessages, maxBytes, whenFull } = options
      const isFull = (): boolean => outbox.size >= maxMessages || outbox.bytes + one.bytes > maxBytes
      if (whenFull === 'drop-oldest' && one.bytes <= maxBytes) while (isFull() && outbox.shift('dropped'));
      if (isFull()) throw new ClientError('ERR_OUTBOX_FULL', `${outbox.size} messages wait already`)
      waiting.push(one)
      one.age.set(maxAgeMs, () => {
        outbox.remove(entry)
        entry.settle('expired')
      })
    },
    shift(outcome) {
      const entry = waiting[0]?.entry
      if (entry) {
        outbox.remove(entry)
        entry.settle(outcome)
      }
      return entry
    },
    putBack(entry) {
      waiting.unshift(wait(entry))
    },
    remove(entry) {
      waiting = waiting.filter((one) => one.entry !== entry || one.age.clear())
    },
  }
  return outbox
}

function wait(entry: Entry): Waiting {
  const { data } = entry
  const bytes =
    typeof data === 'string' ? new TextEncoder().encode(data).length : 'size' in data ? data.size : data.byteLength
  return { entry, bytes, age: createTimer() }
}
