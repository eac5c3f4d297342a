import { WebSocket } from 'ws'
import type { Message } from '../rooms.ts'
import type { Dialect, Wire, WireEvents } from './dialect.ts'

type Frame =
  | { readonly t: 'joined'; readonly g: string; readonly at: string; readonly recovered: boolean }
  | { readonly t: 'reset'; readonly g: string; readonly at: string }
  | { readonly t: 'left'; readonly g: string; readonly code?: string }
  | { readonly t: 'move'; readonly within: number }
  | { readonly t: 'hi' | 'pong' | 'answer' }
  | EventFrame

interface EventFrame {
  readonly t?: undefined
  readonly g: string
  readonly at: string
  readonly d: Omit<Message, 'room'>
}

const FAMILY = 'room.'
const RETRY_MS = 200

/** The rules of docs/spec/live.md for the client: one position per group, which it carries to its next connection. */
export class TidewayDialect implements Dialect {
  readonly #rooms: readonly string[]
  readonly #positions = new Map<string, string>()
  #ignored = 0

  constructor(rooms: readonly string[]) {
    this.#rooms = rooms
  }

  get ignored(): number {
    return this.#ignored
  }

  open(port: number, events: WireEvents): Wire {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/live/`, 'tideway.v1.json', {
      perMessageDeflate: false,
      origin: `http://127.0.0.1:${port}`,
    })
    const joining = new Set(this.#rooms)
    const send = (frame: object): void => {
      if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(frame))
    }
    socket.on('open', () => {
      events.open()
      const groups = this.#rooms.map((room) => [FAMILY + room, this.#since(room)])
      send({ t: 'hello', v: 1, groups: Object.fromEntries(groups) })
    })
    socket.on('message', (data: Buffer) => {
      const frame = JSON.parse(data.toString()) as Frame
      if (frame.t === undefined) this.#event(frame, events, send)
      else if (frame.t === 'move') events.move(frame.within)
      else if (frame.t === 'joined') {
        const room = frame.g.slice(FAMILY.length)
        if (!frame.recovered) {
          if (this.#positions.has(room)) events.notice(room)
          this.#positions.set(room, frame.at)
        }
        if (joining.delete(room) && joining.size === 0) events.joined()
      } else if (frame.t === 'reset') {
        const room = frame.g.slice(FAMILY.length)
        events.notice(room)
        this.#positions.set(room, frame.at)
      } else if (frame.t === 'left') {
        const room = frame.g.slice(FAMILY.length)
        setTimeout(() => send({ t: 'join', g: frame.g, ...this.#since(room) }), RETRY_MS).unref()
      }
    })
    socket.on('error', () => {})
    socket.on('close', () => events.closed())
    return { cut: () => socket.terminate(), close: () => socket.close(1000) }
  }

  #since(room: string): { readonly since?: string } {
    const since = this.#positions.get(room)
    return since === undefined ? {} : { since }
  }

  #event({ g, at, d }: EventFrame, events: WireEvents, send: (frame: object) => void): void {
    const room = g.slice(FAMILY.length)
    const step = offsetOf(at) - offsetOf(this.#positions.get(room)!)
    if (step <= 0) {
      this.#ignored++
      return
    }
    if (step > 1) {
      send({ t: 'join', g, ...this.#since(room) })
      return
    }
    this.#positions.set(room, at)
    events.message(room, d.n, d.sentMs)
  }
}

function offsetOf(position: string): number {
  return Number(position.slice(position.indexOf(':') + 1))
}
