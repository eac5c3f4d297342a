import { WebSocket } from 'ws'
import type { Message } from '../rooms.ts'
import type { Dialect, Wire, WireEvents } from './dialect.ts'

/** JSON over a WebSocket, with the rooms in the query. Nothing is resumed. */
export class PlainDialect implements Dialect {
  readonly ignored = 0
  readonly #query: string

  constructor(rooms: readonly string[]) {
    this.#query = new URLSearchParams({ rooms: rooms.join(',') }).toString()
  }

  open(port: number, events: WireEvents): Wire {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/?${this.#query}`, { perMessageDeflate: false })
    socket.on('open', () => events.open())
    socket.on('message', (data: Buffer) => {
      const message = JSON.parse(data.toString()) as Message | { readonly joined: true }
      if ('joined' in message) events.joined()
      else events.message(message.room, message.n, message.sentMs)
    })
    socket.on('error', () => {})
    socket.on('close', () => events.closed())
    return { cut: () => socket.terminate(), close: () => socket.close() }
  }
}
