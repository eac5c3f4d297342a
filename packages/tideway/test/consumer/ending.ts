import { InMemoryChannelLayer, WebSocketConsumer } from 'tideway'
import type { Application } from 'tideway/asgi'
import { RecordingLogger } from './recording-logger.ts'

/** How often and with what `disconnect` was called, of all instances of a class. */
export interface End {
  readonly code: number
  readonly reason: string
  /** Whether the consumer was still in its groups. */
  readonly groups: number
}

/** A layer and a log of one test, and the ends of its consumers. */
export class Ending {
  readonly layer: InMemoryChannelLayer = new InMemoryChannelLayer()
  readonly logger: RecordingLogger = new RecordingLogger()
  readonly ends: End[] = []

  /** What a communicator is given. */
  get scope(): {
    readonly channelLayers: { readonly default: InMemoryChannelLayer }
    readonly logger: RecordingLogger
  } {
    return { channelLayers: { default: this.layer }, logger: this.logger }
  }
}

/** A consumer that joins two groups, one by its class and one by itself, and notes its end. */
export class Joining extends WebSocketConsumer<{}, {}> {
  override readonly groups: readonly string[] = ['of-its-class']
  protected readonly ending: Ending

  constructor(ending: Ending) {
    super()
    this.ending = ending
  }

  override async connect(): Promise<void> {
    await this.channelLayer.groupAdd('of-its-own', this.channelName)
    await this.accept()
  }

  override disconnect(code: number, reason: string): void | Promise<void> {
    this.ending.ends.push({ code, reason, groups: this.ending.layer.stats().groups })
  }
}

/** A class of such consumers. */
export type JoiningClass = new (ending: Ending) => Joining

/** The application of the class. */
export function applicationOf(consumerClass: JoiningClass, ending: Ending): Application<Joining['scope']> {
  return (consumerClass as typeof Joining).asApplication(ending)
}

/** Something to wait for, and what ends the wait. */
export interface Gate {
  readonly opened: Promise<void>
  open(): void
}

export function gate(): Gate {
  let open!: () => void
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { opened, open }
}
