// The protocol of the page at `/ws/room/<name>/`, as JSON texts. The page imports these types.

/** A message in the room. */
export interface Said {
  /** Increases with each message. `null` for a message of the plain protocol, which is not stored. */
  readonly number: number | null
  readonly at: number
  /** `""` for a guest. */
  readonly user: string
  readonly message: string
  /** Distinguishes guests. Missing for a named author and for messages of the plain protocol. */
  readonly guest?: number
  /** The key of the message, if the reader wrote it: in this tab, or with the same account or session. */
  readonly key?: string
}

/** The position of a client: the history, and the last message that it received. */
export interface Place {
  readonly history: string
  readonly number: number
}

/** Client to server. `hello` is the first message of every connection. */
export type ClientMessage =
  /** `tab` is a secret that identifies the tab's own messages. */
  | { readonly type: 'hello'; readonly tab: string; readonly seen?: Place | undefined }
  /** Answered with `{ id }` once it is stored. A repeated `key` is the same message. */
  | { readonly type: 'say'; readonly id: string; readonly key: string; readonly message: string }
  /** Answered with `{ id, messages, hasOlder }`. */
  | { readonly type: 'older'; readonly id: string; readonly before: number }
  | { readonly type: 'typing' }
  | { readonly type: 'ping' }

/** Server to client. Answers to requests are separate: they have the `id` of the request. */
export type ServerMessage =
  | {
      readonly type: 'welcome'
      readonly history: string
      /** Whether the following messages continue those that the page already shows. */
      readonly continues: boolean
      /** Whether some messages in between are no longer stored. */
      readonly hasGap: boolean
    }
  | { readonly type: 'said'; readonly messages: readonly Said[]; readonly hasOlder?: boolean }
  | { readonly type: 'people'; readonly names: readonly string[]; readonly guests: number }
  | { readonly type: 'typing'; readonly user: string; readonly guest?: number }
  /** To the client that sent `/report`: the report is queued, unless it is already running. */
  | { readonly type: 'report'; readonly state: 'waiting' }
  /** The report failed. */
  | { readonly type: 'report'; readonly state: 'failed' }
  /** To every client in the room while the report runs. `progress` goes from 0 to 1. */
  | { readonly type: 'report'; readonly state: 'running'; readonly progress: number }
  /** The picture is at `/rooms/<name>/report.svg?at=<at>`, if there are words. Clients that enter later also receive it. */
  | {
      readonly type: 'report'
      readonly state: 'done'
      readonly at: number
      readonly words: readonly (readonly [word: string, count: number])[]
    }
  | { readonly type: 'pong' }

/** The message that requests a report of the room. It is broadcast like any other. */
export const REPORT_COMMAND = '/report'

/** The maximum length of a message. */
export const MAX_MESSAGE_LENGTH = 2000

/** Returns the validated message of a client, or the problem. */
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

/** A string without lone surrogates. They are not valid Unicode, and the channel layer refuses them. */
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
