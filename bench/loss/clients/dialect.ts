/** What a connection reports to its client. */
export interface WireEvents {
  /** The WebSocket is open. */
  open(): void
  /** The connection is in all rooms. */
  joined(): void
  message(room: string, n: number, sentMs: number): void
  /** The server has told the client that messages of a room, or of all rooms, may be missing. */
  notice(room?: string): void
  /** The server stops within this time, and the client may open its next connection first. */
  move(withinMs: number): void
  closed(): void
}

/** One connection. */
export interface Wire {
  /** Destroys the TCP connection. `closed` follows. */
  cut(): void
  /** Closes it in the way of the protocol. */
  close(): void
}

/** The protocol of a client, with what it remembers from connection to connection. */
export interface Dialect {
  open(port: number, events: WireEvents): Wire
  /** Events that it has ignored because the protocol says so. */
  readonly ignored: number
}
