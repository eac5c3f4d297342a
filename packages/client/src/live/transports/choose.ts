import type { ResolvedOptions } from '../../options.ts'
import type { WebSocketConstructor, WebSocketLike } from '../../web-socket-port.ts'
import type { Transport } from '../../state.ts'
import type { HelloFrame } from '../frames.ts'
import type { Joins } from '../joins.ts'
import type { LiveOptions } from '../live-client.ts'
import { unsuitable } from './http-call.ts'
import { noWorker, PortSocket } from '../tabs/port-socket.ts'
import { HttpSocket } from './http-socket.ts'

/** The transports, the best one first. */
const allTransports: readonly Transport[] = ['websocket', 'stream', 'poll']

/** What an attempt tries: the connection of the shared worker, or one of the tab. */
type Step = Transport | 'shared'

/** The longest time without the first byte of a stream: a proxy holds it back. */
const firstByteMs = 3_000
/** The parts of the time of an attempt for the transports that are not the last one. */
const webSocketPart = 0.4
const streamPart = 0.3
/** The failed attempts after which the transport that worked is not the only one any more. */
const maxFailures = 2
/** The bound of the time between two attempts of a better transport. */
const maxUpgradeMs = 600_000
const maxTimerMs = 2 ** 31 - 1

/**
 * Replaces the WebSocket class of a client by one that opens the first transport that works. In an attempt it tries one after another. A
 * transport that has worked is tried alone at first, so that a restart of the server moves no client to a worse one. While a worse one is
 * open, the client tries the better ones from time to time on a second connection: `move` opens it, and moves to it once all groups have
 * joined there, and `cancelMove` gives it up. `greet` writes the first frame of a connection.
 */
export function chooseTransport(
  resolved: ResolvedOptions,
  options: LiveOptions,
  storageKey: string,
  greet: Joins['greet'],
  move: (withinMs: number) => void,
  cancelMove: () => void,
): void {
  const { connectTimeoutMs, heartbeat, random } = resolved
  const {
    WebSocket = globalThis.WebSocket,
    transports = options.WebSocket ? ['websocket'] : allTransports,
    upgradeAfterMs = 60_000,
    sharedWorker,
    user,
  } = options
  if (sharedWorker && user === undefined) {
    // The link ends with the error of its constructor as ERR_BAD_OPTION: without a user, a tab might show what another user may see.
    resolved.WebSocket = function refuse(): never {
      throw new Error('sharedWorker needs the option user, which is null if the site has no users')
    } as unknown as WebSocketConstructor
    return
  }
  const memory = sessionMemory(storageKey)
  const list = transports.filter((one) => (one === 'websocket' ? WebSocket : globalThis.fetch) !== undefined)
  let worked = list.find((one) => one === memory.read())
  let failures = 0
  let upgrade: ReturnType<typeof setTimeout> | undefined
  let upgradeMs = upgradeAfterMs
  /** Whether the next socket is the second connection. */
  let isUpgrade = false
  const open = new Set<ChosenSocket>()

  /** Whether the next socket may be one of the shared worker. */
  let isShared = !!sharedWorker && typeof SharedWorker !== 'undefined'

  const plan = (): Step[] => {
    if (isShared) return ['shared', ...list]
    if (!worked || failures >= maxFailures) return [...list]
    return worked === 'stream' ? list.filter((one) => one !== 'websocket') : [worked]
  }

  const betterThan = (transport: Transport): Transport[] => list.slice(0, list.indexOf(transport))

  const scheduleUpgrade = (transport: Transport): void => {
    clearTimeout(upgrade)
    isUpgrade = false
    if (betterThan(transport).length === 0) return
    upgrade = setTimeout(
      () => {
        upgradeMs = Math.max(upgradeAfterMs, Math.min(upgradeMs * 2, maxUpgradeMs))
        isUpgrade = true
        move(0)
      },
      Math.min(upgradeMs * (1 + random()), maxTimerMs),
    )
  }

  const hello = (): HelloFrame => {
    let text = ''
    greet({ isReady: false, waiting: new Set() }, (written) => {
      text = written
    })
    return JSON.parse(text) as HelloFrame
  }

  const openTransport = (transport: Step, url: string, protocols: string[]): WebSocketLike => {
    if (transport === 'shared')
      return new PortSocket({ script: sharedWorker || true, user: user ?? null }, url, protocols, {
        ...(options.transports && { transports: options.transports }),
        upgradeAfterMs,
        connectTimeoutMs,
        heartbeat,
      })
    if (transport === 'websocket') return new WebSocket(url, protocols)
    const { intervalMs, timeoutMs } = heartbeat || { intervalMs: 25_000, timeoutMs: 10_000 }
    const bearer = protocols.indexOf('bearer')
    return new HttpSocket({
      url: url.replace(/^ws/, 'http'),
      token: bearer < 0 ? undefined : protocols[bearer + 1],
      transport,
      hello,
      openTimeoutMs: Math.min(connectTimeoutMs, maxTimerMs),
      waitMs: Math.floor(Math.min(20_000, intervalMs * 0.8)),
      shortWaitMs: Math.floor(Math.min(1_000, timeoutMs / 3, connectTimeoutMs / 4)),
      postTimeoutMs: Math.min(timeoutMs * 2, maxTimerMs),
    })
  }

  const openWithinMs = (transport: Step): number =>
    transport === 'stream'
      ? Math.min(firstByteMs, connectTimeoutMs * streamPart)
      : Math.min(connectTimeoutMs * webSocketPart, maxTimerMs)

  class ChosenSocket implements WebSocketLike {
    onopen: ((event: never) => unknown) | null = null
    onmessage: ((event: never) => unknown) | null = null
    onclose: ((event: never) => unknown) | null = null
    onerror: ((event: never) => unknown) | null = null
    readonly #url: string
    readonly #protocols: string[]
    readonly #isUpgrade: boolean
    readonly #plan: Step[]
    #socket!: WebSocketLike
    #transport: Transport | undefined
    #binaryType = 'arraybuffer'
    #timer: ReturnType<typeof setTimeout> | undefined
    #hasLeft = false

    constructor(url: string, protocols: string[] = []) {
      this.#url = url
      this.#protocols = protocols
      this.#isUpgrade = isUpgrade && open.size > 0 && worked !== undefined
      this.#plan = this.#isUpgrade && worked ? betterThan(worked) : plan()
      isUpgrade = false
      this.#openNext()
    }

    get transport(): Transport | undefined {
      return this.#transport
    }

    get url(): string {
      return this.#url
    }

    get readyState(): number {
      return this.#socket.readyState
    }

    get bufferedAmount(): number {
      return this.#socket.bufferedAmount
    }

    get protocol(): string {
      return this.#socket.protocol
    }

    get extensions(): string {
      return this.#socket.extensions
    }

    get binaryType(): string {
      return this.#binaryType
    }

    set binaryType(type: string) {
      this.#socket.binaryType = this.#binaryType = type
    }

    send(data: Parameters<WebSocketLike['send']>[0]): void {
      this.#socket.send(data)
    }

    close(code?: number, reason?: string): void {
      this.#leave()
      this.#socket.close(code, reason)
    }

    terminate(): void {
      this.#leave()
      ;(this.#socket.terminate ?? this.#socket.close).call(this.#socket)
    }

    #openNext(): void {
      const transport = this.#plan.shift() as Step
      let socket: WebSocketLike
      try {
        socket = this.#socket = openTransport(transport, this.#url, this.#protocols)
      } catch (error) {
        // A rule of the page may forbid one transport only. A wrong URL is wrong for all.
        if (transport === 'shared') isShared = false
        if (this.#plan.length === 0) throw error
        return this.#openNext()
      }
      socket.binaryType = this.#binaryType
      socket.onopen = () => this.#onOpen(transport)
      socket.onmessage = (event: never) => this.onmessage?.(event)
      socket.onclose = (event: { code: number; reason: string }) => this.#onClose(event)
      socket.onerror = () => {}
      // The time of the last one is the time of the attempt.
      if (this.#plan.length > 0 && transport !== 'shared')
        this.#timer = setTimeout(() => {
          socket.onopen = socket.onmessage = socket.onclose = null
          ;(socket.terminate ?? socket.close).call(socket)
          this.#openNext()
        }, openWithinMs(transport))
    }

    #onOpen(transport: Step): void {
      clearTimeout(this.#timer)
      open.add(this)
      // The worker chooses for all tabs.
      if (transport === 'shared') this.#transport = this.#socket.transport
      else this.#onChosen(transport)
      this.onopen?.({} as never)
    }

    #onChosen(transport: Transport): void {
      this.#transport = transport
      if (this.#isUpgrade) upgradeMs = upgradeAfterMs
      worked = transport
      failures = 0
      memory.write(transport === list[0] ? undefined : transport)
      scheduleUpgrade(transport)
    }

    #onClose(event: { readonly code: number; readonly reason: string }): void {
      // The client has closed the socket during the attempt: nothing else is tried.
      if (this.#hasLeft) return
      clearTimeout(this.#timer)
      // An answer of the server is the same for each transport, and so is an unreachable server for both HTTP transports.
      const mayPass =
        this.#socket instanceof HttpSocket
          ? event.reason === unsuitable
          : this.#socket instanceof PortSocket
            ? event.reason === noWorker
            : event.code === 1006
      if (event.reason === noWorker) isShared = false
      if (!this.#transport && mayPass && this.#plan.length > 0) return this.#openNext()
      this.#leave()
      this.onclose?.(event as never)
    }

    /** The socket has ended. */
    #leave(): void {
      clearTimeout(this.#timer)
      if (this.#hasLeft) return
      this.#hasLeft = true
      if (open.delete(this)) {
        if (open.size === 0) clearTimeout(upgrade)
      } else if (this.#isUpgrade) {
        if (worked) scheduleUpgrade(worked)
        // Not before the client knows that the socket has ended.
        queueMicrotask(cancelMove)
      } else failures++
    }
  }
  resolved.WebSocket = ChosenSocket
}

/** What worked on this page, also before a reload. A page without storage, and a worker, keeps it in memory only. */
function sessionMemory(key: string): { read(): string | null; write(transport: Transport | undefined): void } {
  const attempt = <T>(use: () => T): T | null => {
    try {
      return use()
    } catch {
      return null
    }
  }
  return {
    read: () => attempt(() => sessionStorage.getItem(key)),
    write: (transport) =>
      void attempt(() => (transport ? sessionStorage.setItem(key, transport) : sessionStorage.removeItem(key))),
  }
}
