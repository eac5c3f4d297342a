import { InMemoryChannelLayer, WebSocketConsumer, type TextOrBytes } from 'tideway'
import type { Application } from 'tideway/asgi'
import type { EventInfo, FollowOptions, WebSocketConsumerScope } from 'tideway/consumer'
import { WebSocketCommunicator } from 'tideway/testing'
import { onTestFinished } from 'vitest'
import { RecordingLogger } from './recording-logger.ts'

/** A layer and a log of one test. */
export class Kept {
  layer: InMemoryChannelLayer = new InMemoryChannelLayer()
  readonly logger: RecordingLogger = new RecordingLogger()

  constructor() {
    onTestFinished(() => this.layer.close())
  }

  /** Publishes `said` with these data. */
  async say(...data: readonly unknown[]): Promise<void> {
    for (const d of data) await this.publish({ e: 'said', d })
  }

  async publish(event: object, history = { size: 10_000 }): Promise<void> {
    await this.layer.keptGroups.publish('g', JSON.stringify(event), history)
  }

  get followers(): number {
    return this.layer.keptGroups.stats().followers
  }

  /** A connection of the application, ended after the test. */
  async connect(application: Application<WebSocketConsumerScope<{}, {}>>): Promise<WebSocketCommunicator> {
    const scope = { channelLayers: { default: this.layer }, logger: this.logger }
    const client = new WebSocketCommunicator(application, '/', { scope })
    onTestFinished(() => client.disconnect())
    await client.connect()
    return client
  }
}

/** Sends what it gets of the group `g`. A text of the client is the options of `follow`, and is answered with the result. */
export class Reader extends WebSocketConsumer<{}, {}> {
  override async receive({ text }: TextOrBytes): Promise<void> {
    await this.answer(() => this.follow('g', JSON.parse(text!) as FollowOptions))
  }

  async answer(call: () => Promise<unknown>): Promise<void> {
    const text = await call().then(JSON.stringify, (error: { code: string }) => error.code)
    await this.send({ text })
  }

  onSaid(data: unknown, { position }: EventInfo): void | Promise<void> {
    return this.send({ text: `${JSON.stringify(data)} at ${position!.split(':')[1]}` })
  }

  onReset(group: string, why: string, position: string): void | Promise<void> {
    return this.send({ text: `reset of ${group}: ${why} at ${position.split(':')[1]}` })
  }
}

/** So many texts of the client. */
export async function texts(client: WebSocketCommunicator, count: number): Promise<unknown[]> {
  const got: unknown[] = []
  for (let i = 0; i < count; i++) got.push(await client.receiveFrom())
  return got
}

/** Lets everything happen that is ready to. */
export async function settled(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve))
}

/** The whole numbers from 1. */
export function upTo(last: number): number[] {
  return Array.from({ length: last }, (_, i) => i + 1)
}
