import {
  formatPosition,
  parsePosition,
  type EpochStart,
  type LogEntry,
  type LostReason,
  type ReadResult,
} from 'tideway/layer'
import type { SetOptions, SetResult, StateRead } from 'tideway/layer/kit'

import type { MessageCodec } from '../codec/message-codec.ts'
import type { ScriptArgument } from '../connection/redis-script.ts'
import type { AppendResult, LogEvent } from './append-queue.ts'
import { parseStarts } from './epochs.ts'

/** The status in the replies of the scripts "read" and "values". */
type Status = 'continues' | 'fresh' | LostReason

/** The reply of the script "read". */
export type ReadReply = readonly [status: Buffer, top: Buffer, starts: Buffer, ...fields: Buffer[]]

/** The reply of the script "set". */
export type SetReply = readonly [status: Buffer, version: Buffer]

/** The reply of the script "values". */
export type ValuesReply = readonly [
  status: Buffer,
  top: Buffer,
  starts: Buffer,
  floor: Buffer,
  expires: Buffer,
  ...fields: Buffer[],
]

/** The result of a read with this status. */
function resultOf(
  status: Status,
  top: number,
  epochs: readonly EpochStart[],
  entries: readonly LogEntry[],
): ReadResult {
  const read = { entries, top: { epoch: epochs.at(-1)!.epoch, offset: top }, epochs }
  if (status === 'continues' || status === 'fresh') return { status, ...read }
  return { status: 'lost', why: status, ...read }
}

/** The arguments of the script "set" from the key on. */
export function setArguments(
  key: string,
  body: string,
  { deletes = false, expiry, ifVersion, maxKeys, maxBytes }: SetOptions,
  codec: MessageCodec,
): ScriptArgument[] {
  const condition = ifVersion === undefined ? '' : ifVersion === null ? '-' : formatPosition(ifVersion)
  const deletion = expiry === undefined ? '' : codec.encodeText(expiry.body)
  const kind = deletes ? 'x' : 'd'
  return [key, kind, codec.encodeText(body), condition, expiry?.afterMs ?? 0, deletion, maxKeys, maxBytes]
}

export function parseSet([status, version]: SetReply): SetResult {
  return {
    status: status.toString() as SetResult['status'],
    ...(version.length > 0 && { version: Object.freeze(parsePosition(version.toString('latin1'))) }),
  }
}

/** @param decode decodes a body, or throws */
export function parseValues(
  [status, top, starts, floor, expires, ...fields]: ValuesReply,
  decode: (bytes: Buffer) => string,
): StateRead {
  const entries: LogEntry[] = []
  for (let index = 0; index < fields.length; index += 3) {
    const body = decode(fields[index + 2]!)
    entries.push(Object.freeze({ epoch: fields[index]!.toString('latin1'), offset: Number(fields[index + 1]), body }))
  }
  const epochs = parseStarts(starts.toString('latin1'))
  const nextExpiryMs = Number(expires)
  return {
    ...resultOf(status.toString() as Status, Number(top), epochs, entries),
    floor: Number(floor),
    ...(nextExpiryMs >= 0 && { nextExpiryMs }),
  }
}

/** @param decode decodes a body, or throws */
export function parseRead([status, top, starts, ...fields]: ReadReply, decode: (bytes: Buffer) => string): ReadResult {
  const newest = Number(top)
  const first = newest - fields.length / 2 + 1
  const entries: LogEntry[] = []
  for (let index = 0; index < fields.length; index += 2) {
    const epoch = fields[index]!.toString('latin1')
    entries.push(Object.freeze({ epoch, offset: first + index / 2, body: decode(fields[index + 1]!) }))
  }
  return resultOf(status.toString() as Status, newest, parseStarts(starts.toString('latin1')), entries)
}

/** The reply of the script "append". */
export type AppendReply = readonly [epoch: Buffer, first: Buffer, ...duplicates: (Buffer | null)[]]

export function parseAppended(events: readonly LogEvent[], [epoch, first, ...duplicates]: AppendReply): AppendResult[] {
  const name = epoch.toString('latin1')
  let offset = Number(first)
  let ids = 0
  return events.map(({ id }) => {
    const earlier = id === undefined ? null : duplicates[ids++]!
    if (earlier === null) return { epoch: name, offset: offset++, duplicate: false }
    return { ...parsePosition(earlier.toString('latin1')), duplicate: true }
  })
}

/** The first byte of a volatile event in Redis. No epoch begins with it. */
const VOLATILE = '~'
const VOLATILE_BYTE = VOLATILE.charCodeAt(0)
const COLON_BYTE = ':'.charCodeAt(0)

/** The message of a volatile event in the Redis channel of a log. */
export function volatileMessage(stored: Buffer): Buffer {
  return Buffer.concat([Buffer.from(VOLATILE), stored])
}

/** An entry that a script has published, or the body of a volatile event. @throws Error if it cannot be decoded */
export function parsePublished(bytes: Buffer, codec: MessageCodec): LogEntry | string {
  if (bytes[0] === VOLATILE_BYTE) return codec.decodeText(bytes.subarray(1))
  const end = bytes.indexOf(COLON_BYTE, bytes.indexOf(COLON_BYTE) + 1)
  const { epoch, offset } = parsePosition(bytes.toString('latin1', 0, Math.max(0, end)))
  return Object.freeze({ epoch, offset, body: codec.decodeText(bytes.subarray(end + 1)) })
}
