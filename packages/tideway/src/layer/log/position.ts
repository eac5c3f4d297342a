import { TidewayError } from '../../errors/tideway-error.ts'

/** A place in the log of a kept group: every entry up to here was received. Replaced as a whole or not at all. */
export interface Position {
  /** The term in which the entry at `offset` was written: 1 to 32 ASCII letters, digits, hyphens or underscores. */
  readonly epoch: string
  /** The number of the entry: 1 for the first entry of a log, 0 before it. */
  readonly offset: number
}

/** The start of an epoch in a log. */
export interface EpochStart {
  readonly epoch: string
  /** The offset of the first entry of the epoch. */
  readonly from: number
}

/** What a log holds, without its entries. */
export interface LogHead {
  /** The starts of the newest epochs of the log, oldest first: at least one. */
  readonly epochs: readonly EpochStart[]
  /** The offset of the newest entry, also if the log no longer holds it; 0 for a log without entries. */
  readonly top: number
  /** The offset of the oldest entry that the log holds; `top + 1` if it holds none. */
  readonly first: number
}

/** Why a log does not continue a position. */
export type LostReason =
  /** The entries up to the position are not those of the log: it was lost, or has forked before the position. */
  | 'epoch'
  /** The position is after the newest entry: the log has lost its end. */
  | 'ahead'
  /** The log no longer holds the entry after the position. */
  | 'trimmed'
  /** More entries follow the position than one read may return. */
  | 'behind'

/** The most deletions of keys that a log keeps. */
export const MAX_DELETIONS = 1000

/** The most epochs that a log keeps the starts of. A position of an older epoch is lost. */
export const MAX_EPOCHS = 8

const positionPattern = /^([a-zA-Z0-9_-]{1,32}):(0|[1-9][0-9]{0,15})$/

/**
 * Reads the text form of a position, `epoch:offset`.
 * @throws TidewayError `ERR_BAD_POSITION` for anything else, also without an epoch and for an offset over 2^53 - 1
 */
export function parsePosition(text: unknown): Position {
  const [, epoch, digits] = (typeof text === 'string' ? positionPattern.exec(text) : null) ?? []
  const offset = Number(digits)
  if (epoch === undefined || !Number.isSafeInteger(offset)) throw badPosition(text)
  return { epoch, offset }
}

/** The text form of a position, `epoch:offset`. */
export function formatPosition({ epoch, offset }: Position): string {
  return `${epoch}:${offset}`
}

/**
 * Checks a position that a caller has made itself.
 * @throws TidewayError `ERR_BAD_POSITION`
 */
export function requirePosition(position: unknown): asserts position is Position {
  const { epoch, offset } = (position ?? {}) as Partial<Position>
  if (typeof epoch === 'string' && Number.isSafeInteger(offset) && positionPattern.test(`${epoch}:${offset}`)) return
  throw badPosition(position)
}

/**
 * Decides whether a log contains a position: whether the entries up to it are the entries of the log, kept or not.
 *
 * Each entry has the epoch in which it was written, and a new epoch begins whenever the log may have lost entries. Two logs that
 * have an entry of the same epoch and offset have the same entries before it (the log matching property of Raft, §5.3).
 */
export function containsPosition({ epochs, top }: LogHead, { epoch, offset }: Position): true | 'epoch' | 'ahead' {
  const index = epochs.findIndex((start) => start.epoch === epoch)
  if (index === -1 || offset < epochs[index]!.from - 1) return 'epoch'
  const next = epochs[index + 1]
  if (next !== undefined) return offset < next.from ? true : 'epoch'
  return offset <= top ? true : 'ahead'
}

/** Decides whether a log continues a position without a hole. A log that no longer holds its newest entry continues after it. */
export function continuesPosition(head: LogHead, position: Position): true | 'epoch' | 'ahead' | 'trimmed' {
  const isContained = containsPosition(head, position)
  if (isContained !== true) return isContained
  return position.offset === head.top || head.first <= position.offset + 1 ? true : 'trimmed'
}

/**
 * Decides whether the newest changes of a log with values continue a position: only in the newest epoch. A follower that gets only the
 * newest changes has passed older ones. If the log has lost the newer changes, the older ones are the newest again.
 */
export function valuesContinue({ epochs, top, first }: LogHead, { epoch, offset }: Position): true | LostReason {
  if (epoch !== epochs.at(-1)!.epoch) return 'epoch'
  if (offset > top) return 'ahead'
  return offset + 1 < first ? 'trimmed' : true
}

/** The epoch in which the entry at the offset was written. */
export function epochAt(epochs: readonly EpochStart[], offset: number): string {
  return (epochs.findLast(({ from }) => from <= offset) ?? epochs[0]!).epoch
}

function badPosition(value: unknown): TidewayError {
  const shown = typeof value === 'string' ? JSON.stringify(value.slice(0, 64)) : typeof value
  return new TidewayError(
    'ERR_BAD_POSITION',
    `A position must be "epoch:offset" as the log returned it, for example "kX3f:41", not ${shown}.`,
  )
}
