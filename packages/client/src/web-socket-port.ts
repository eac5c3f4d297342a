/** What a WebSocket can carry. */
export type Payload = string | ArrayBuffer | ArrayBufferView<ArrayBuffer> | Blob

/**
 * What the client needs of a WebSocket: the browser's, the global one of Node 22, Deno, Bun and React Native, `ws` and
 * undici's all have it. `terminate` is of `ws`: where it is there, a dead connection is cut instead of closed.
 */
export interface WebSocketLike {
  readonly url: string
  readonly readyState: number
  readonly bufferedAmount: number
  readonly protocol: string
  readonly extensions: string
  binaryType: string
  /** Called when the connection is open. */
  onopen: ((event: never) => unknown) | null
  /** Called with each message. */
  onmessage: ((event: never) => unknown) | null
  /** Called once, at the end. */
  onclose: ((event: never) => unknown) | null
  /** Called before `onclose` if the connection failed. */
  onerror: ((event: never) => unknown) | null
  /** Takes a `Blob` too; not in this type, because there are as many types of that name as runtimes. */
  send(data: Exclude<Payload, Blob>): void
  /** Begins the closing handshake. */
  close(code?: number, reason?: string): void
  /** Cuts the connection without one. */
  terminate?(): void
}

/** A class of such WebSockets. */
export type WebSocketConstructor = new (url: string, protocols?: string[]) => WebSocketLike
