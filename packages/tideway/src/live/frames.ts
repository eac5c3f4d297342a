import { MAX_HISTORY_SIZE } from '../layer/log/kept-groups-options.ts'
import { parsePosition, type LostReason, type Position } from '../layer/log/position.ts'
import type { Who } from './presence-frames.ts'

// The frames of docs/spec/live.md, without a connection.

/** The subprotocol of the live protocol. */
export const LIVE_SUBPROTOCOL = 'tideway.v1.json'

/** The close code of a client that violates the protocol. */
export const BAD_FRAME_CODE = 4400

/** The most characters of the id of a request. */
export const MAX_REQUEST_ID_LENGTH = 64

/** Where a join begins. */
export interface JoinStart {
  /** The position up to which the client has received everything, not yet checked. */
  readonly since?: string | undefined
  /** How many of the newest events to send, without `since` or if the log does not continue it. */
  readonly last: number
  /** What the client asks for of the people of the group. */
  readonly who?: AskedWho
}

/** `list`: the list also of a large group. `count`: the number of people. `false`: nothing. `undefined`: the list of a small group. */
export type AskedWho = 'list' | 'count' | false | undefined

/** A request of a client. */
export interface RequestFrame {
  readonly t: 'request'
  /** `undefined` if the client wants no answer. */
  readonly id: string | undefined
  /** The name of the handler. */
  readonly m: string
  readonly d: unknown
}

/** A frame of a client. */
export type ClientFrame =
  | { readonly t: 'hello'; readonly groups: readonly (JoinStart & { readonly g: string })[] }
  | ({ readonly t: 'join'; readonly g: string } & JoinStart)
  | { readonly t: 'leave'; readonly g: string }
  | RequestFrame
  | { readonly t: 'ping' }

/** Why a join is refused or has ended. */
export type JoinErrorCode =
  | 'forbidden'
  | 'unknown_group'
  | 'bad_position'
  | 'too_many_groups'
  | 'rate_limited'
  | 'unavailable'

/** Why events do not continue a position. */
export type NotRecovered = LostReason | 'refused'

/** A frame for one client, without the answers. Those of events are texts that all members of a group share. */
export type ServerFrame =
  | { readonly t: 'hi'; readonly v: 1; readonly max: { readonly groups: number; readonly requests: number } }
  | {
      readonly t: 'joined'
      readonly g: string
      readonly at: string
      readonly top: string
      readonly recovered: boolean
      readonly why?: NotRecovered | undefined
      readonly snapshot?: unknown
      readonly who?: Who | undefined
    }
  | {
      readonly t: 'reset'
      readonly g: string
      readonly why: LostReason
      readonly at: string
      readonly snapshot?: unknown
    }
  | { readonly t: 'left'; readonly g: string }
  | { readonly t: 'left'; readonly g: string; readonly code: JoinErrorCode; readonly message: string }
  | { readonly t: 'move'; readonly within: number }
  | { readonly t: 'pong' }

/** A client has sent what is not a frame. The message is the reason of the close. */
export class BadFrame extends Error {
  override readonly name = 'BadFrame'
}

type Fields = Readonly<Record<string, unknown>>

/** Reads a frame of a client. Returns `undefined` for one with an unknown `t`. @throws BadFrame */
export function parseFrame(text: string): ClientFrame | undefined {
  const fields = parseObject(text)
  switch (fields['t']) {
    case 'hello':
      requireVersion(fields['v'])
      return { t: 'hello', groups: groupsOf(fields['groups']) }
    case 'join':
      return { t: 'join', g: textOf(fields, 'g'), ...startOf(fields) }
    case 'leave':
      return { t: 'leave', g: textOf(fields, 'g') }
    case 'request':
      return { t: 'request', id: requestIdOf(fields['id']), m: textOf(fields, 'm'), d: fields['d'] }
    case 'ping':
      return { t: 'ping' }
  }
  return undefined
}

/**
 * The text of a frame for one client.
 * @param values the values of a group as JSON, for `joined` and `reset`
 */
export function encodeFrame(frame: ServerFrame, values?: string): string {
  const text = JSON.stringify(frame)
  return values === undefined ? text : `${text.slice(0, -1)},"values":${values}}`
}

/** Reads the position of a start. */
export function positionOf(since: string | undefined): Position | undefined | 'malformed' {
  if (since === undefined) return undefined
  try {
    return parsePosition(since)
  } catch {
    return 'malformed'
  }
}

/** The text of the answer to a request without its id: `{"ok":…}`, or `{}` if the handler returned nothing. */
export function resultText(result: unknown): string {
  return JSON.stringify({ ok: result })
}

/** The text of a failed answer to a request without its id. */
export function failureText(code: string, message: string): string {
  return JSON.stringify({ error: { code, message } })
}

/** The frame of the answer to a request. */
export function answerText(id: string, answer: string): string {
  const start = `{"t":"answer","id":${JSON.stringify(id)}`
  return answer === '{}' ? `${start}}` : `${start},${answer.slice(1)}`
}

function parseObject(text: string): Fields {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    throw new BadFrame('a frame must be JSON')
  }
  if (!isObject(parsed)) throw new BadFrame('a frame must be a JSON object')
  return parsed
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function textOf(fields: Fields, name: string): string {
  const value = fields[name]
  if (typeof value === 'string') return value
  throw new BadFrame(`${name} must be a string`)
}

function requireVersion(version: unknown): void {
  if (!Number.isInteger(version)) throw new BadFrame('v must be a whole number')
}

function groupsOf(groups: unknown): (JoinStart & { readonly g: string })[] {
  if (groups === undefined) return []
  if (!isObject(groups)) throw new BadFrame('groups must be an object')
  return Object.entries(groups).map(([g, start]) => {
    if (!isObject(start)) throw new BadFrame('a group of groups must be an object')
    return { g, ...startOf(start) }
  })
}

function startOf({ since, last = 0, who }: Fields): JoinStart {
  if (since !== undefined && typeof since !== 'string') throw new BadFrame('since must be a string')
  if (!(Number.isInteger(last) && (last as number) >= 0 && (last as number) <= MAX_HISTORY_SIZE)) {
    throw new BadFrame(`last must be a whole number from 0 to ${MAX_HISTORY_SIZE}`)
  }
  if (who !== undefined && who !== 'list' && who !== 'count' && who !== false) {
    throw new BadFrame('who must be "list", "count" or false')
  }
  return { since, last: last as number, who }
}

function requestIdOf(id: unknown): string | undefined {
  if (id === undefined) return undefined
  if (typeof id === 'string' && id.length > 0 && id.length <= MAX_REQUEST_ID_LENGTH) return id
  throw new BadFrame(`id must be a string of 1 to ${MAX_REQUEST_ID_LENGTH} characters`)
}
