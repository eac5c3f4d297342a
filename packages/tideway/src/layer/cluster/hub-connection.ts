import type { Socket } from 'node:net'
import { TidewayError } from '../../errors/tideway-error.ts'
import type { SurveyAnswer, SurveyOptions } from '../log/group-survey.ts'
import { frame, kinds, type Frame, type Hello } from './frame.ts'
import { FrameSocket } from './frame-socket.ts'
import type { HubLayer, HubProcess } from './hub-layer.ts'

/** What a connection needs of its hub. */
export interface HubContext {
  layerOf(hello: Hello): HubLayer
  onClose(): void
}

type Method = (...args: unknown[]) => unknown

/** The connection of one process, in the hub. */
export class HubConnection implements HubProcess {
  readonly groups: Set<string> = new Set()
  readonly watched: Set<string> = new Set()
  readonly #socket: FrameSocket
  readonly #context: HubContext
  /** The calls of the process that wait for a message of a general channel. */
  readonly #wants = new Map<string, AbortController>()
  #layer: HubLayer | undefined
  #process = ''
  #maxQueuedBytes = 0
  /** Groups whose messages were dropped, because the queue was full. The process learns of them when it has room. */
  readonly #missed = new Set<string>()
  #hasLogGap = false
  #isClosed = false

  constructor(socket: Socket, context: HubContext) {
    this.#context = context
    this.#socket = new FrameSocket(socket, {
      onFrame: (received) => this.#onFrame(received),
      onDrain: () => this.#reportMissed(),
      onClose: () => this.#onClose(),
    })
  }

  sendBounded(bytes: Buffer): boolean {
    const { queuedBytes } = this.#socket
    if (queuedBytes > 0 && queuedBytes + bytes.length > this.#maxQueuedBytes) return false
    this.#socket.send(bytes)
    return true
  }

  sendToGroup(group: string, bytes: Buffer): void {
    if (!this.sendBounded(bytes)) this.#missed.add(group)
  }

  sendEntry(bytes: Buffer): void {
    if (!this.sendBounded(bytes)) this.#hasLogGap = true
  }

  missed(group: string): void {
    this.#missed.add(group)
    if (this.#socket.queuedBytes === 0) this.#reportMissed()
  }

  logGap(): void {
    this.#hasLogGap = true
    if (this.#socket.queuedBytes === 0) this.#reportMissed()
  }

  ask(id: number, maxGroups: number): void {
    this.#socket.send(frame(kinds.survey, '', '', id, maxGroups))
  }

  destroy(): void {
    this.#socket.destroy()
  }

  #reportMissed(): void {
    if (this.#missed.size > 0) {
      this.#socket.send(frame(kinds.missed, '', JSON.stringify([...this.#missed])))
      this.#missed.clear()
    }
    if (this.#hasLogGap) {
      this.#hasLogGap = false
      this.#socket.send(frame(kinds.logGap))
    }
  }

  #onClose(): void {
    this.#isClosed = true
    for (const want of this.#wants.values()) want.abort()
    this.#layer?.leave(this.#process, this)
    this.#context.onClose()
  }

  #onFrame(received: Frame): void {
    const layer = this.#layer
    if (layer === undefined) return this.#onHello(received)
    const { kind, id, number, name, payload, bytes } = received
    switch (kind) {
      case kinds.group:
        return layer.groupSend(name, bytes, this)
      case kinds.call:
        return void this.#onCall(layer, id, payload)
      case kinds.tell:
        return this.#onTell(layer, name, payload)
      case kinds.send:
        return this.#onSend(layer, received)
      case kinds.want:
        return void this.#onWant(layer, name, number)
      case kinds.unwant:
        return this.#onUnwant(name)
      case kinds.survey:
        return layer.surveys.take(id, this, JSON.parse(payload.toString()) as SurveyAnswer | null)
      case kinds.putBack:
        return layer.putBack(name, payload, number)
    }
  }

  #onHello({ kind, payload }: Frame): void {
    if (kind !== kinds.hello) return this.destroy()
    const hello = JSON.parse(payload.toString()) as Hello
    this.#process = hello.process
    this.#maxQueuedBytes = hello.maxQueuedBytes
    this.#layer = this.#context.layerOf(hello)
    this.#layer.enter(hello.process, this)
    this.#socket.send(frame(kinds.welcome))
  }

  #onSend(layer: HubLayer, { id, number, name, payload }: Frame): void {
    let isTaken: boolean
    try {
      isTaken = name.includes('!') ? layer.sendToProcess(name, payload) : layer.sendJob(name, payload, number)
    } catch {
      // There are too many general channels without a receiver.
      isTaken = false
    }
    this.#socket.send(frame(kinds.result, '', String(isTaken), id))
  }

  #onTell(layer: HubLayer, name: string, payload: Buffer): void {
    const [method, groups] = JSON.parse(payload.toString()) as [string, (readonly string[])?]
    if (method === 'unsubscribe') layer.unsubscribe(name, this)
    else if (method === 'unwatch') layer.unwatch(name, this)
    else layer.missed(groups ?? [], this)
  }

  async #onWant(layer: HubLayer, channel: string, capacity: number): Promise<void> {
    if (this.#wants.has(channel)) return
    const want = new AbortController()
    this.#wants.set(channel, want)
    try {
      const bytes = await layer.takeJob(channel, capacity, want.signal)
      if (this.#isClosed) layer.putBack(channel, bytes, capacity)
      else this.#socket.send(frame(kinds.job, channel, bytes))
    } catch {
      // The process does not want it any more, or there are too many general channels.
    }
    if (this.#wants.get(channel) === want) this.#wants.delete(channel)
  }

  #onUnwant(channel: string): void {
    this.#wants.get(channel)?.abort()
    this.#wants.delete(channel)
  }

  async #onCall(layer: HubLayer, id: number, payload: Buffer): Promise<void> {
    try {
      const result = await this.#call(layer, payload)
      this.#socket.send(frame(kinds.result, '', JSON.stringify(result ?? null), id))
    } catch (error) {
      this.#socket.send(frame(kinds.failure, '', (error as Error).message, id))
    }
  }

  #call(layer: HubLayer, payload: Buffer): unknown {
    const [method, ...args] = JSON.parse(payload.toString()) as [string, ...unknown[]]
    const { log } = layer
    switch (method) {
      case 'subscribe':
        return layer.subscribe(args[0] as string, this)
      case 'watch':
        return layer.watch(args[0] as string, this)
      case 'survey':
        return layer.survey(args[0] as number, args[1] as SurveyOptions | undefined)
      case 'flush':
        return layer.flush(this)
      case 'append':
      case 'send':
      case 'read':
      case 'set':
      case 'values':
        return (log[method] as unknown as Method).apply(log, args)
      case 'claim':
      case 'answer':
        return (log.answers[method] as unknown as Method).apply(log.answers, args)
      case 'announce':
      case 'enter':
      case 'leave':
      case 'settle':
      case 'beat':
      case 'retire':
      case 'sweep':
      case 'bury':
      case 'who':
        return (log.presence[method] as unknown as Method).apply(log.presence, args)
    }
    throw new TidewayError(
      'ERR_LAYER_UNAVAILABLE',
      `The hub has no call "${method}": it runs another version of tideway.`,
    )
  }
}
