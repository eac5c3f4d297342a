import { createRequire } from 'node:module'
import { join } from 'node:path'
import { benchFolder } from '../../src/programs.ts'
import type { Message } from '../rooms.ts'
import type { Dialect, Wire, WireEvents } from './dialect.ts'

// The parts of socket.io-client that the bench uses. It is in bench/peers, so its types are not here.

interface Manager {
  uri: string
  readonly engine: { readonly transport: { readonly ws: { terminate(): void } } }
  socket(namespace: string): Socket
  on(event: 'open', listener: () => void): void
}

interface Socket {
  readonly recovered: boolean
  connect(): void
  disconnect(): void
  on(event: 'connect' | 'joined' | 'connect_error' | 'disconnect', listener: () => void): void
  on(event: 'said', listener: (message: Message) => void): void
}

type ManagerClass = new (uri: string, options: object) => Manager

/** Loaded by the first client: the other dialects need no peers. */
let managerClass: ManagerClass | undefined

function loadManager(): ManagerClass {
  managerClass ??= (
    createRequire(join(benchFolder, 'peers/package.json'))('socket.io-client') as { Manager: ManagerClass }
  ).Manager
  return managerClass
}

/** The client of Socket.IO, which carries the session and the offset of connection state recovery. The bench reconnects it. */
export class SocketIoDialect implements Dialect {
  readonly ignored = 0
  readonly #manager: Manager
  readonly #socket: Socket
  #events: WireEvents | undefined

  constructor(rooms: readonly string[]) {
    const options = {
      transports: ['websocket'],
      reconnection: false,
      autoConnect: false,
      query: { rooms: rooms.join(',') },
    }
    this.#manager = new (loadManager())('ws://127.0.0.1', options)
    this.#socket = this.#manager.socket('/')
    let wasConnected = false
    this.#manager.on('open', () => this.#events?.open())
    this.#socket.on('connect', () => {
      if (wasConnected && !this.#socket.recovered) this.#events?.notice()
      wasConnected = true
    })
    this.#socket.on('joined', () => this.#events?.joined())
    this.#socket.on('said', ({ room, n, sentMs }) => this.#events?.message(room, n, sentMs))
    const closed = (): void => {
      const events = this.#events
      this.#events = undefined
      events?.closed()
    }
    this.#socket.on('connect_error', closed)
    this.#socket.on('disconnect', closed)
  }

  open(port: number, events: WireEvents): Wire {
    this.#events = events
    // The address of the next connection: the client keeps its session only within one manager.
    this.#manager.uri = `ws://127.0.0.1:${port}`
    this.#socket.connect()
    return {
      cut: () => this.#manager.engine.transport.ws.terminate(),
      close: () => this.#socket.disconnect(),
    }
  }
}
