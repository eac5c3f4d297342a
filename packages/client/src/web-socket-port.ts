import type { Transport } from './state.ts'

/** The data types that a WebSocket sends. */
export type WebSocketPayload = string | ArrayBuffer | ArrayBufferView<ArrayBuffer> | Blob

/**
 * The parts of a WebSocket that the client uses. Browsers, Node 22, Deno, Bun, React Native, `ws` and undici have them.
 * Only `ws` has `terminate`: if it exists, a dead connection is destroyed instead of closed.
 */
export interface WebSocketLike {
  readonly url: string
  readonly readyState: number
  readonly bufferedAmount: number
  readonly protocol: string
  readonly extensions: string
  binaryType: string
  /** Called once the connection is open. */
  onopen: ((event: never) => unknown) | null
  /** Called for each message. */
  onmessage: ((event: never) => unknown) | null
  /** Called once, at the end. */
  onclose: ((event: never) => unknown) | null
  /** Called before `onclose` if the connection failed. */
  onerror: ((event: never) => unknown) | null
  /** Also accepts a `Blob`. The type omits it, because each runtime has its own type of that name. */
  send(data: Exclude<WebSocketPayload, Blob>): void
  /** Starts the closing handshake. */
  close(code?: number, reason?: string): void
  /** Destroys the connection without a closing handshake. */
  terminate?(): void
  /** How the live client is connected if it is not a WebSocket. */
  readonly transport?: Transport | undefined
}

/** A WebSocket class. */
export type WebSocketConstructor = new (url: string, protocols?: string[]) => WebSocketLike
