import { once } from 'node:events'

import { WebSocket } from 'ws'

import type { Said } from '../../examples/chat/src/room/protocol.ts'

/** Whatever the server says. */
export type Answer = { readonly [name: string]: unknown; readonly messages?: readonly Said[] }

/** The secret by which the server recognizes the tabs of a person. */
const secretOf = (name: string): string => `the-secret-of-the-tab-of-${name}`

/** A client of the page's protocol. */
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
    this.socket.send(typeof message === 'string' ? message : JSON.stringify(message))
  }

  say(message: string, key = `a-key-of-its-own-${message}`): void {
    this.tell({ type: 'say', id: `id-${message}`.slice(0, 100), key, message })
  }

  /** The next one that fits; those before it are of no interest. */
  async next(fits: (answer: Answer) => boolean): Promise<Answer> {
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

  /** What is said until all of these have been, in order. */
  async hear(...messages: readonly string[]): Promise<Said[]> {
    const heard: Said[] = []
    const missing = new Set(messages)
    while (missing.size > 0) {
      const { messages: said } = await this.next(({ type }) => type === 'said')
      heard.push(...said!)
      for (const { message } of said!) missing.delete(message)
    }
    return heard
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

/** Goes into a room with the page's protocol. */
export async function enterRoom(
  origin: string,
  room: string,
  name: string,
  seen?: object,
  headers?: Readonly<Record<string, string>>,
): Promise<[Visitor, Answer]> {
  const visitor = await openVisitor(origin, `/ws/room/${room}/`, headers)
  visitor.tell({ type: 'hello', tab: secretOf(name), seen })
  return [visitor, await visitor.next(({ type }) => type === 'welcome')]
}

/** The texts alone. */
export function textsOf(said: readonly Said[]): string[] {
  return said.map(({ message }) => message)
}
