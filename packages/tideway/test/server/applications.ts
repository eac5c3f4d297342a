import type { Application, ReceiveEventOf, SendOf } from '../../src/asgi/application.ts'
import type { WebSocketScope } from '../../src/asgi/scope.ts'
import type { WebSocketReceiveEvent } from '../../src/asgi/websocket-events.ts'

/** The work of a test's application on one accepted connection. */
export interface AcceptedConnection {
  readonly scope: WebSocketScope
  readonly receive: () => Promise<WebSocketReceiveEvent>
  readonly send: SendOf<WebSocketScope>
}

/** An application that accepts and then calls the function. */
export function accepting(then: (connection: AcceptedConnection) => unknown): Application<WebSocketScope> {
  return async (scope, receive, send) => {
    await receive()
    await send({ type: 'websocket.accept' })
    await then({ scope, send, receive: async () => receive() })
  }
}

/** Sends text back as text and binary as binary, as the cases of the Autobahn suite ask for. */
export const echo: Application<WebSocketScope> = accepting(async ({ receive, send }) => {
  for (;;) {
    const event = await receive()
    if (event.type === 'websocket.disconnect') return
    if (event.type !== 'websocket.receive') continue
    if (event.text === undefined) await send({ type: 'websocket.send', bytes: event.bytes })
    else await send({ type: 'websocket.send', text: event.text })
  }
})

/** An application that accepts and keeps what it receives, to be waited for. */
export class Recorder {
  readonly #events: ReceiveEventOf<WebSocketScope>[] = []
  #changed: (() => void) | undefined

  readonly application: Application<WebSocketScope> = accepting(async ({ receive }) => {
    for (;;) {
      const event = await receive()
      this.#events.push(event)
      this.#changed?.()
      if (event.type === 'websocket.disconnect') return
    }
  })

  /** The messages before the disconnect, in order: texts unchanged, binary messages in hex. */
  get messages(): string[] {
    return this.#events.flatMap((event) => {
      if (event.type !== 'websocket.receive') return []
      return [event.text ?? Buffer.from(event.bytes).toString('hex')]
    })
  }

  /** Waits for the disconnect of a connection. */
  async disconnect(): Promise<ReceiveEventOf<WebSocketScope>> {
    return this.#until(({ type }) => type === 'websocket.disconnect')
  }

  /** Waits until it has received this many events. */
  async count(length: number): Promise<void> {
    await this.#until((_event, i) => i + 1 === length)
  }

  async #until(
    wanted: (event: ReceiveEventOf<WebSocketScope>, i: number) => boolean,
  ): Promise<ReceiveEventOf<WebSocketScope>> {
    for (;;) {
      const found = this.#events.find(wanted)
      if (found !== undefined) return found
      await new Promise<void>((resolve) => {
        this.#changed = resolve
      })
    }
  }
}
