// What the page and the server say to each other at `/ws/room/<name>/`, as JSON texts. The page imports these types.

/** A message that was said in the room. */
export interface Said {
  /** Goes up; `null` for what came by the plain protocol, which is heard and not kept. */
  readonly number: number | null
  readonly at: number
  /** `""` for a guest. */
  readonly user: string
  readonly message: string
  /** Tells guests apart. Missing for a name, and for what came by the plain protocol. */
  readonly guest?: number
  /** The key that the message was sent with, if the reader wrote it: in this tab, or with the same account or session. */
  readonly key?: string
}

/** Where a client stopped reading: in which history, after which message. */
export interface Place {
  readonly history: string
  readonly number: number
}

/** To the server. `hello` comes first on every connection. */
export type ClientMessage =
  /** `tab` is a secret of the tab, by which its own messages are known again. */
  | { readonly type: 'hello'; readonly tab: string; readonly seen?: Place | undefined }
  /** Answered with `{ id }` once it is kept. The same `key` again is the same message. */
  | { readonly type: 'say'; readonly id: string; readonly key: string; readonly message: string }
  /** Answered with `{ id, messages, hasOlder }`. */
  | { readonly type: 'older'; readonly id: string; readonly before: number }
  | { readonly type: 'typing' }
  | { readonly type: 'ping' }

/** To the page. Answers to requests come besides, with the `id` of the request. */
export type ServerMessage =
  | {
      readonly type: 'welcome'
      readonly history: string
      /** What the page has shown before is of this history, and what follows continues it. */
      readonly continues: boolean
      /** Some of what was said in between is not kept any more. */
      readonly hasGap: boolean
    }
  | { readonly type: 'said'; readonly messages: readonly Said[]; readonly hasOlder?: boolean }
  | { readonly type: 'people'; readonly names: readonly string[]; readonly guests: number }
  | { readonly type: 'typing'; readonly user: string; readonly guest?: number }
  /** To whom asked for a report with `/report`: it waits for its turn, unless it is being made already. */
  | { readonly type: 'report'; readonly state: 'waiting' }
  /** There will be none. */
  | { readonly type: 'report'; readonly state: 'failed' }
  /** To everybody in the room, while it is being made. `progress` goes from 0 to 1. */
  | { readonly type: 'report'; readonly state: 'running'; readonly progress: number }
  /** Its picture is at `/rooms/<name>/report.svg?at=<at>`, where there are words. Who comes later is told, too. */
  | {
      readonly type: 'report'
      readonly state: 'done'
      readonly at: number
      readonly words: readonly (readonly [word: string, count: number])[]
    }
  | { readonly type: 'pong' }

/** The message that asks for a report of the room. It is said like any other. */
export const REPORT_COMMAND = '/report'

/** The most characters of a message. */
export const MAX_MESSAGE_LENGTH = 2000

/** A message of a client, checked, or what is wrong with it. */
export function checkedMessage(content: unknown): ClientMessage | string {
  if (typeof content !== 'object' || content === null) return 'A message is an object.'
  const { type, tab, seen, id, key, message, before } = content as Readonly<Record<string, unknown>>
  switch (type) {
    case 'hello':
      if (!isMark(tab)) return 'tab is a text of 16 to 100 characters.'
      if (seen !== undefined && !isPlace(seen)) return 'seen is a history and a number.'
      return { type, tab, seen }
    case 'say':
      if (!isId(id) || !isMark(key)) return 'id and key are texts, the key of 16 to 100 characters.'
      if (!isText(message) || message.trim() === '' || message.length > MAX_MESSAGE_LENGTH) {
        return `A message has 1 to ${MAX_MESSAGE_LENGTH} characters.`
      }
      return { type, id, key, message }
    case 'older':
      if (!isId(id) || !isNumber(before)) return 'id is a text, before a number.'
      return { type, id, before }
    case 'typing':
    case 'ping':
      return { type }
    default:
      return 'There is no such type of message.'
  }
}

/** A string without lone surrogates: those are no Unicode text, and the channel layer refuses them. */
export function isText(value: unknown): value is string {
  return typeof value === 'string' && !/\p{Cs}/u.test(value)
}

function isMark(value: unknown): value is string {
  return isText(value) && value.length >= 16 && value.length <= 100
}

function isId(value: unknown): value is string {
  return isText(value) && value.length > 0 && value.length <= 100
}

function isNumber(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function isPlace(value: unknown): value is Place {
  const { history, number } = (value ?? {}) as Readonly<Record<string, unknown>>
  return isId(history) && isNumber(number)
}
