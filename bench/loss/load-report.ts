import type { Counts } from './ledger.ts'

/** What a load process is asked to do. */
export interface LoadSettings {
  readonly dialect: DialectName
  readonly ports: readonly number[]
  /** The number of its first client, and how many it has. */
  readonly first: number
  readonly clients: number
  /** Clients per small room. Each client is also in the room of all. */
  readonly roomSize: number
  /** The mean time until a connection is cut, and how long the client is away then. */
  readonly everyMs: number
  readonly awayMs: number
}

export type DialectName = 'tideway' | 'ws' | 'socket.io'

/** A message of the harness to a load process. */
export type LoadOrder =
  | { readonly do: 'connect'; readonly settings: LoadSettings }
  /** Measures from now on. */
  | { readonly do: 'begin' }
  | { readonly do: 'cut'; readonly isOn: boolean }
  /** The ports of the servers that accept connections. */
  | { readonly do: 'ports'; readonly ports: readonly number[] }
  /** Waits for the last messages, and reports. */
  | { readonly do: 'finish'; readonly published: number }

/** The answer of a load process to each of its orders. */
export type LoadAnswer = { readonly done: true } | { readonly report: LoadReport } | { readonly failed: string }

/** What a load process has seen. */
export interface LoadReport {
  readonly clients: number
  readonly counts: Counts
  /** The highest number that a client of it has received. */
  readonly highest: number
  /** When the last of its clients had joined all its rooms. */
  readonly joinedAtMs: number
  /** From the open socket until the last of the missed messages, of each return with missed messages that came. */
  readonly catchUpMs: readonly number[]
  /** From the call to the open socket, of each return. */
  readonly openMs: readonly number[]
  /** How long clients were away before they connected again: those that the harness has cut. */
  readonly awayMs: readonly number[]
  /** The longest time without a message, of each client. */
  readonly silenceMs: readonly number[]
  readonly returns: number
  /** Clients that have lost a connection. */
  readonly cutClients: number
  /** Clients that were not connected at the end. */
  readonly neverBack: number
  /** Events that the protocol lets the client ignore, because it has their position. */
  readonly ignored: number
  readonly minLatencyMs: number
  /** Its own processor time from `begin` to `finish`, of one processor. */
  readonly busy: number
  readonly loopDelayP99Ms: number
}
