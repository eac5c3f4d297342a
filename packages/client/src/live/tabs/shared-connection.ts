import { createLiveness } from '../../liveness.ts'
import type { WebSocketLike } from '../../web-socket-port.ts'
import type { HelloFrame, JoinFields } from '../frames.ts'
import type { TabPort } from './tab-port.ts'
import { SharedGroup, type GroupFrame } from './shared-group.ts'
import type { WorkerOptions } from './port-protocol.ts'

/** The frames of a tab. */
type ClientFrame =
  | HelloFrame
  | ({ readonly t: 'join'; readonly g: string } & JoinFields)
  | { readonly t: 'leave'; readonly g: string }
  | { readonly t: 'ping' }
  | { readonly t: 'request'; readonly id?: string }

type ServerFrame = GroupFrame | { readonly t: 'hi' | 'pong' | 'move' } | { readonly t: 'answer'; readonly id: string }

/** What a connection reports to the worker. */
export interface SharedConnectionHost {
  onOpen(): void
  /** The connection has ended, or takes no more tabs. */
  onOver(): void
}

/** One connection to the server, and the tabs that share it. To each tab it is a connection of its own. */
export class SharedConnection {
  readonly #socket: WebSocketLike
  readonly #host: SharedConnectionHost
  readonly #liveness: ReturnType<typeof createLiveness> | undefined
  readonly #tabs = new Set<TabPort>()
  readonly #groups = new Map<string, SharedGroup>()
  /** The number of `leave` frames without an answer, by group. Frames of these groups are of the earlier join. */
  readonly #leaving = new Map<string, number>()
  /** The tabs of the unanswered requests, by their ids. */
  readonly #requests = new Map<string, TabPort>()
  #hi: string | undefined

  constructor(socket: WebSocketLike, { heartbeat }: WorkerOptions, host: SharedConnectionHost) {
    this.#socket = socket
    this.#host = host
    this.#liveness = heartbeat
      ? createLiveness(heartbeat, {
          ping: (data) => socket.send(data as string),
          bufferedAmount: () => socket.bufferedAmount,
          onDead: () => this.#end(1006, 'no heartbeat'),
        })
      : undefined
    socket.onopen = () => this.#onOpen()
    socket.onmessage = ({ data }: { data: unknown }) => this.#receive(data as string)
    socket.onclose = ({ code, reason }: { code: number; reason: string }) => this.#end(code, reason)
    socket.onerror = () => {}
  }

  add(tab: TabPort): void {
    this.#tabs.add(tab)
    if (this.#socket.readyState === 1) this.#openFor(tab)
  }

  /** Removes a tab with all that it has joined. The last one closes the connection. */
  remove(tab: TabPort): void {
    this.#tabs.delete(tab)
    for (const name of this.#groups.keys()) this.#leave(tab, name)
    for (const [id, of] of this.#requests) if (of === tab) this.#requests.delete(id)
    if (this.#tabs.size === 0) this.close()
  }

  /** Takes a frame of a tab. */
  send(tab: TabPort, text: string): void {
    const frame = JSON.parse(text) as ClientFrame
    switch (frame.t) {
      case 'hello':
        if (this.#hi !== undefined) tab.deliver(this.#hi)
        for (const [name, fields] of Object.entries(frame.groups)) this.#join(tab, name, fields)
        break
      case 'join': {
        const { t: _t, g, ...fields } = frame
        this.#join(tab, g, fields)
        break
      }
      case 'leave':
        this.#leave(tab, frame.g)
        tab.deliver(JSON.stringify({ t: 'left', g: frame.g }))
        break
      case 'ping':
        // The worker has its own heartbeat with the server.
        tab.deliver('{"t":"pong"}')
        break
      default:
        if (frame.id !== undefined) this.#requests.set(frame.id, tab)
        this.#socket.send(text)
    }
  }

  /** Tests the connection, after an event that may have broken it. */
  check(): void {
    if (this.#socket.readyState === 1) this.#liveness?.check()
  }

  /** Asks the tabs to move to another connection. */
  move(): void {
    this.#host.onOver()
    for (const tab of this.#tabs) tab.deliver('{"t":"move","within":10000}')
  }

  close(): void {
    this.#liveness?.stop()
    this.#socket.onopen = this.#socket.onmessage = this.#socket.onclose = null
    this.#socket.close(1000)
    this.#host.onOver()
  }

  #onOpen(): void {
    this.#liveness?.start()
    // The groups follow as joins, because a later tab has groups too.
    this.#write({ t: 'hello', v: 1, groups: {} })
    for (const tab of this.#tabs) this.#openFor(tab)
    this.#host.onOpen()
  }

  #openFor(tab: TabPort): void {
    tab.post({ do: 'open', transport: this.#socket.transport ?? 'websocket' })
  }

  #join(tab: TabPort, name: string, fields: JoinFields): void {
    let group = this.#groups.get(name)
    if (!group) {
      group = new SharedGroup(name, (frame) => this.#write(frame))
      this.#groups.set(name, group)
    }
    group.join(tab, fields)
  }

  #leave(tab: TabPort, name: string): void {
    const group = this.#groups.get(name)
    group?.remove(tab)
    if (!group?.isEmpty) return
    this.#groups.delete(name)
    this.#leaving.set(name, (this.#leaving.get(name) ?? 0) + 1)
    this.#write({ t: 'leave', g: name })
  }

  #receive(text: string): void {
    this.#liveness?.onFrame()
    const frame = JSON.parse(text) as ServerFrame
    if ('g' in frame) this.#receiveOf(text, frame)
    else if (frame.t === 'answer') {
      this.#requests.get(frame.id)?.deliver(text)
      this.#requests.delete(frame.id)
    } else if (frame.t !== 'pong') {
      if (frame.t === 'hi') this.#hi = text
      // Later tabs connect to the next process.
      else if (frame.t === 'move') this.#host.onOver()
      for (const tab of this.#tabs) tab.deliver(text)
    }
  }

  #receiveOf(text: string, frame: GroupFrame): void {
    const leaving = this.#leaving.get(frame.g)
    if (leaving) {
      if (frame.t === 'left' && frame.code === undefined) this.#leaving.set(frame.g, leaving - 1)
      return
    }
    const group = this.#groups.get(frame.g)
    group?.receive(text, frame)
    if (group?.isEmpty) this.#groups.delete(frame.g)
  }

  #write(frame: object): void {
    if (this.#socket.readyState === 1) this.#socket.send(JSON.stringify(frame))
  }

  /** The connection has ended: it ends for each tab. */
  #end(code: number, reason: string): void {
    const tabs = [...this.#tabs]
    this.#tabs.clear()
    this.close()
    for (const tab of tabs) tab.end(code, reason)
  }
}
