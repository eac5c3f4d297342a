import { once } from 'node:events'

import { WebSocket } from 'ws'

/** Whatever the server says. */
export type Answer = { readonly [name: string]: unknown }

/** A client with messages in JSON, such as one of the plain protocol. */
export class Visitor {
  readonly socket: WebSocket
  readonly #unread: Answer[] = []
  #wake = (): void => {}
  #closeCode: number | undefined

  constructor(socket: WebSocket) {
    this.socket = socket
    socket.on('message', (data: Buffer) => {
      this.#unread.push(JSON.parse(data.toString()) as Answer)
      this.#wake()
    })
    socket.on('close', (code: number) => {
      this.#closeCode = code
      this.#wake()
    })
  }

  tell(message: unknown): void {
    this.socket.send(JSON.stringify(message))
  }

  /** The next one that fits; those before it are of no interest. */
  async next(fits: (answer: Answer) => boolean = () => true): Promise<Answer> {
    for (;;) {
      const answer = this.#unread.shift()
      if (answer === undefined) {
        if (this.#closeCode !== undefined) throw new Error(`The server closed with ${this.#closeCode}.`)
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
      } else if (fits(answer)) return answer
    }
  }

  async leave(): Promise<void> {
    if (this.socket.readyState === WebSocket.CLOSED) return
    this.socket.close()
    await once(this.socket, 'close')
  }
}

/** Opens a WebSocket as a page of the same server does. */
export async function openVisitor(
  origin: string,
  path: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Visitor> {
  const visitor = new Visitor(new WebSocket(origin.replace('http', 'ws') + path, { origin, headers }))
  await once(visitor.socket, 'open')
  return visitor
}
