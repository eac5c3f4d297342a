import type { WebSocketPayload, WebSocketConstructor, WebSocketLike } from '@tideway/client'

/** A WebSocket whose server is the test. */
export class FakeWebSocket implements WebSocketLike {
  readonly url: string
  readonly protocols: readonly string[]
  readonly protocol = ''
  readonly extensions = ''
  readonly sent: WebSocketPayload[] = []
  readyState = 0
  bufferedAmount = 0
  binaryType = 'blob'
  closedWith: number | undefined
  onopen: ((event: never) => unknown) | null = null
  onmessage: ((event: never) => unknown) | null = null
  onclose: ((event: never) => unknown) | null = null
  onerror: ((event: never) => unknown) | null = null

  constructor(url: string, protocols: readonly string[]) {
    this.url = url
    this.protocols = protocols
  }

  send(data: WebSocketPayload): void {
    if (this.readyState !== 1) throw new Error(`send() in readyState ${this.readyState}`)
    this.sent.push(data)
  }

  close(code?: number): void {
    this.readyState = 3
    this.closedWith = code ?? 1005
  }

  /** The server accepts. */
  open(): void {
    this.readyState = 1
    this.onopen?.({} as never)
  }

  /** The server sends a text as it is, or anything else as JSON. */
  receive(data: unknown): void {
    this.onmessage?.({
      data: typeof data === 'string' || data instanceof ArrayBuffer ? data : JSON.stringify(data),
    } as never)
  }

  /** The connection ends: 1006 is a loss, anything else the server's close frame. */
  end(code = 1006, reason = ''): void {
    this.readyState = 3
    this.onclose?.({ code, reason } as never)
  }

  get messages(): unknown[] {
    return this.sent.map((data) => JSON.parse(data as string) as unknown)
  }
}

export interface FakeWebSockets {
  readonly WebSocket: WebSocketConstructor
  readonly all: FakeWebSocket[]
  readonly last: FakeWebSocket
}

/** A class of fake WebSockets that remembers its instances. */
export function fakeWebSockets(): FakeWebSockets {
  const all: FakeWebSocket[] = []
  return {
    all,
    get last() {
      const last = all.at(-1)
      if (!last) throw new Error('no socket was made yet')
      return last
    },
    WebSocket: class extends FakeWebSocket {
      constructor(url: string, protocols: string[] = []) {
        super(url, protocols)
        all.push(this)
      }
    },
  }
}
