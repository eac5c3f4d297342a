import type { Asked, PeopleFrame, WhoFrame } from './people.ts'

/** The frames of docs/spec/live.md, as far as the client reads them. */
export type ServerFrame =
  | { readonly t: 'hi'; readonly max?: { readonly requests?: number } }
  | JoinedFrame
  | ResetFrame
  | { readonly t: 'left'; readonly g: string; readonly code?: string; readonly message?: string }
  | AnswerFrame
  | { readonly t: 'move'; readonly within: number }
  | { readonly t: 'pong' }
  | EventFrame
  | ({ readonly t?: undefined } & PeopleFrame)
  | ValueFrame

/** What a client asks of a group in `hello` and `join`. */
export interface JoinFields {
  readonly since?: string | undefined
  readonly last?: number | undefined
  readonly who?: Asked
}

/** The first frame of a client. */
export interface HelloFrame {
  readonly t: 'hello'
  readonly v: 1
  readonly groups: Readonly<Record<string, JoinFields>>
}

export interface JoinedFrame {
  readonly t: 'joined'
  readonly g: string
  readonly at: string
  readonly top: string
  readonly recovered: boolean
  readonly why?: ResetReason
  readonly snapshot?: unknown
  readonly who?: WhoFrame
  /** Only of a group with values, if they do not continue the position. */
  readonly values?: Values
}

export interface ResetFrame {
  readonly t: 'reset'
  readonly recovered?: undefined
  readonly g: string
  readonly at: string
  readonly why: ResetReason
  readonly snapshot?: unknown
  readonly values?: Values
}

export interface AnswerFrame {
  readonly t: 'answer'
  readonly id: string
  readonly ok?: unknown
  readonly error?: { readonly code: string; readonly message: string }
}

export interface EventFrame {
  readonly t?: undefined
  readonly g: string
  /** Missing if the event is volatile. */
  readonly at?: string
  /** Empty for an entry that is not an event: it moves the position. */
  readonly e: string
  readonly d: unknown
  readonly id?: string
}

/** A change of a key. */
export interface ValueFrame {
  readonly t?: undefined
  readonly g: string
  readonly at: string
  readonly k: string
  /** The value; missing if the key has none. */
  readonly d?: unknown
  readonly x?: 1
}

type Values = Readonly<Record<string, unknown>>

/** Why the events of a group do not continue the position of the client. Another server may have other reasons. */
export type ResetReason = 'epoch' | 'ahead' | 'trimmed' | 'behind' | 'refused' | (string & {})

export const subprotocol = 'tideway.v1.json'

/** The offset of a position, which is a text `epoch:offset`. */
export function offsetOf(position: string): number {
  return Number(position.slice(position.lastIndexOf(':') + 1))
}
