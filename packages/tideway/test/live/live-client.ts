import { InMemoryChannelLayer } from 'tideway'
import type { Application } from 'tideway/asgi'
import type { WebSocketConsumerScope } from 'tideway/consumer'
import { WebSocketCommunicator } from 'tideway/testing'
import { onTestFinished } from 'vitest'
import { RecordingLogger } from '../consumer/recording-logger.ts'

/** Any frame of the server. */
export type Frame = Readonly<Record<string, unknown>>

/** A client of the live protocol that sends and receives frames. */
export class LiveClient {
  readonly communicator: WebSocketCommunicator
  constructor(communicator: WebSocketCommunicator) {
    this.communicator = communicator
  }

  send(...frames: readonly unknown[]): void {
    for (const frame of frames) this.communicator.sendJsonTo(frame)
  }

  async next(): Promise<Frame> {
    return (await this.communicator.receiveJsonFrom()) as Frame
  }

  async take(count: number): Promise<Frame[]> {
    const frames: Frame[] = []
    for (let i = 0; i < count; i++) frames.push(await this.next())
    return frames
  }

  /** Sends hello with the groups, and returns the frames after `hi`, one per group. */
  async hello(groups: Readonly<Record<string, object>> = {}): Promise<Frame[]> {
    this.send({ t: 'hello', v: 1, groups })
    return (await this.take(1 + Object.keys(groups).length)).slice(1)
  }

  /** Joins the group, and returns the answer. */
  async join(g: string, start: object = {}): Promise<Frame> {
    this.send({ t: 'join', g, ...start })
    return this.next()
  }

  /** Sends a request, and returns the answer. */
  async request(m: string, d?: unknown, id: string = `${Math.random()}`): Promise<Frame> {
    this.send({ t: 'request', id, m, d })
    return this.next()
  }

  /** Whether nothing comes after what is answered now. */
  async nothing(): Promise<Frame> {
    this.send({ t: 'ping' })
    return this.next()
  }
}

/** A layer and a log of one test. */
export class LiveTest {
  readonly layer: InMemoryChannelLayer = new InMemoryChannelLayer()
  readonly logger: RecordingLogger = new RecordingLogger()

  constructor() {
    onTestFinished(() => this.layer.close())
  }

  get followers(): number {
    return this.layer.keptGroups.stats().followers
  }

  /** A connection without a hello, ended after the test. */
  async open(
    application: Application<WebSocketConsumerScope<{}, {}>>,
    scope: object = {},
    subprotocols: readonly string[] = ['tideway.v1.json'],
  ): Promise<LiveClient> {
    const communicator = new WebSocketCommunicator(application, '/', {
      subprotocols,
      scope: { channelLayers: { default: this.layer }, logger: this.logger, ...scope },
    })
    onTestFinished(() => communicator.disconnect().catch(() => {}))
    await communicator.connect()
    return new LiveClient(communicator)
  }

  /** A connection after its hello. */
  async connect(application: Application<WebSocketConsumerScope<{}, {}>>, scope: object = {}): Promise<LiveClient> {
    const client = await this.open(application, scope)
    await client.hello()
    return client
  }
}

/** The offset of the position `at` of a frame. */
export function offsetOf({ at }: Frame): number {
  return Number((at as string).split(':')[1])
}
