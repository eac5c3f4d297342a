import type { Socket } from 'node:net'
import type { ChannelLayerStats, GroupSendOptions, Message } from '../channel-layer.ts'
import { ChannelFullError } from '../errors.ts'
import type { EngineSide, LayerEngine } from '../layer-engine.ts'
import { LayerEvents } from '../layer-events.ts'
import type { ClusterLayerEvents } from './cluster-events.ts'
import { frame, kinds, type Frame } from './frame.ts'
import { HubEventLog } from './hub-event-log.ts'
import { HubLink } from './hub-link.ts'
import { decodeMessage, encodeMessage } from './message-bytes.ts'

/** Options of a {@link ClusterEngine}. */
export interface ClusterEngineOptions {
  /** The name of the layer at the hub. */
  readonly layer: string
  readonly callTimeoutMs: number
  readonly maxQueuedBytes: number
  /** Connects to the hub. */
  connect(): Promise<Socket>
  /** Is called when the engine is closed. */
  close(): Promise<void>
}

/** The name of the hub in events. */
const HOST = 'the hub of the workers'
/** The largest number of a frame. */
const MAX_NUMBER = 2 ** 32 - 1

/** The end of a cluster layer in one process. */
export class ClusterEngine implements LayerEngine {
  readonly log: HubEventLog
  readonly events: LayerEvents<ClusterLayerEvents> = new LayerEvents()
  readonly #side: EngineSide
  readonly #link: HubLink
  readonly #close: () => Promise<void>
  /** The groups with members here, each with an object for the call that has entered it. */
  readonly #groups = new Map<string, object>()
  /** The general channels whose next message the hub sends to this process. */
  readonly #wants = new Set<string>()
  /** Groups whose messages this process has dropped, and the hub does not know yet. */
  readonly #dropped = new Set<string>()
  #downSince: number | undefined
  #gaps = 0

  constructor(side: EngineSide, { layer, callTimeoutMs, maxQueuedBytes, connect, close }: ClusterEngineOptions) {
    this.#side = side
    this.#close = close
    const { processName, expiryMs, groupExpiryMs } = side
    const hello = { layer, process: processName, expiryMs, groupExpiryMs, maxQueuedBytes }
    this.#link = new HubLink(
      { hello, callTimeoutMs, maxQueuedBytes, connect },
      {
        onUp: () => this.#onUp(),
        onDown: (error) => this.#onDown(error),
        onFrame: (received) => this.#onFrame(received),
        onDropped: (group, reason) => {
          side.local.countDropped(reason)
          this.#dropped.add(group)
        },
        onDrain: () => this.#reportDropped(),
      },
    )
    this.log = new HubEventLog(this.#link)
  }

  ready(): Promise<void> {
    return this.#link.ready()
  }

  on: LayerEvents<ClusterLayerEvents>['on'] = (name, listener) => this.events.on(name, listener)

  /** Begins to connect. */
  open(): void {
    this.#link.open()
  }

  async send(channel: string, message: Message): Promise<void> {
    const { local } = this.#side
    const isSent =
      this.#link.hasRoom &&
      (await this.#link.request((id) =>
        frame(kinds.send, channel, encodeMessage(message), id, this.#capacityOf(channel)),
      ))
    if (isSent === true) return
    local.countDropped('full')
    throw new ChannelFullError(channel)
  }

  groupSend(group: string, message: Message, except: GroupSendOptions['except']): Promise<void> | undefined {
    return this.#link.post(frame(kinds.group, group, encodeMessage(message, except)), group)
  }

  receiversChanged(channel: string): void {
    const isWanted = this.#side.local.isWanted(channel)
    if (isWanted === this.#wants.has(channel)) return
    this.#link.open()
    if (isWanted) this.#wants.add(channel)
    else this.#wants.delete(channel)
    this.#link.tell(frame(isWanted ? kinds.want : kinds.unwant, channel, '', 0, this.#capacityOf(channel)))
  }

  async groupEntered(group: string): Promise<void> {
    const entered = {}
    this.#groups.set(group, entered)
    try {
      await this.#link.call('subscribe', group)
    } catch (error) {
      if (this.#groups.get(group) === entered) this.groupLeft(group)
      throw error
    }
  }

  groupLeft(group: string): void {
    if (this.#groups.delete(group)) this.#link.tell(frame(kinds.tell, group, '["unsubscribe"]'))
  }

  async flush(): Promise<void> {
    this.#groups.clear()
    await this.#link.call('flush')
  }

  async close(): Promise<void> {
    await this.#link.close()
    await this.#close()
  }

  stats(): Pick<ChannelLayerStats, 'reconnects' | 'gaps'> {
    return { reconnects: this.#link.reconnects, gaps: this.#gaps }
  }

  readFailed(group: string, error: unknown): void {
    this.events.emit('readFailed', { group, error })
  }

  #capacityOf(channel: string): number {
    return Math.min(this.#side.capacityOf(channel), MAX_NUMBER)
  }

  #onUp(): void {
    for (const group of this.#groups.keys())
      this.#link.tell(frame(kinds.call, '', JSON.stringify(['subscribe', group])))
    for (const channel of this.#wants) {
      this.#link.tell(frame(kinds.want, channel, '', 0, this.#capacityOf(channel)))
    }
    this.log.restore()
    this.#reportDropped()
    if (this.#downSince === undefined) return
    const downMs = performance.now() - this.#downSince
    this.#downSince = undefined
    this.events.emit('reconnected', { host: HOST, gap: true, downMs })
    this.#reportGap([...this.#groups.keys()], 'disconnected')
    this.log.reportGap()
  }

  #onDown(error: Error | undefined): void {
    this.#downSince = performance.now()
    this.events.emit('disconnected', { host: HOST, error })
  }

  #onFrame(received: Frame): void {
    const { kind, name, payload } = received
    switch (kind) {
      case kinds.group:
        return this.#onGroup(name, payload)
      case kinds.entry:
        return this.log.onEntry(received)
      case kinds.volatile:
        return this.log.onVolatile(received)
      case kinds.message:
        return this.#guarded(() => this.#side.local.deliver(name, decodeMessage(payload).message))
      case kinds.job:
        return this.#onJob(name, payload)
      case kinds.missed:
        return this.#reportGap(JSON.parse(payload.toString()) as string[], 'dropped')
      case kinds.survey:
        return this.log.onSurvey(received)
      case kinds.logGap:
        return this.log.reportGap()
    }
  }

  #onGroup(group: string, payload: Buffer): void {
    const { local } = this.#side
    if (!local.hasGroup(group)) return
    const { message, except } = decodeMessage(payload)
    this.#guarded(() => local.fanOut(group, message, except))
  }

  #onJob(channel: string, payload: Buffer): void {
    const { local } = this.#side
    this.#wants.delete(channel)
    if (local.isWanted(channel)) this.#guarded(() => local.deliver(channel, decodeMessage(payload).message))
    else this.#link.tell(frame(kinds.putBack, channel, payload, 0, this.#capacityOf(channel)))
    this.receiversChanged(channel)
  }

  /** A receiver should not throw. */
  #guarded(deliver: () => void): void {
    try {
      deliver()
    } catch (error) {
      if (error instanceof ChannelFullError) this.#side.local.countDropped('full')
      else this.events.emit('receiverFailed', { error })
    }
  }

  #reportDropped(): void {
    if (this.#dropped.size === 0) return
    const groups = [...this.#dropped]
    this.#dropped.clear()
    this.#link.tell(frame(kinds.tell, '', JSON.stringify(['missed', groups])))
  }

  #reportGap(groups: readonly string[], reason: 'disconnected' | 'dropped'): void {
    const concerned = groups.filter((group) => this.#groups.has(group))
    if (concerned.length === 0) return
    this.#gaps++
    this.events.emit('gap', { host: HOST, groups: concerned, reason })
  }
}
