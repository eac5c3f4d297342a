import type { Receive } from '../asgi/application.ts'
import type { Logger } from '../asgi/logger.ts'
import { TidewayError } from '../errors/tideway-error.ts'
import type { ChannelLayer } from '../layer/channel-layer.ts'
import type { OverflowPolicy } from '../layer/mailbox.ts'
import { HandlerTable } from './handler-table.ts'
import type { SharedEvent, SharingHooks } from './shared-handler.ts'

/** An event of any protocol; the last one of a connection may carry a close code. */
export interface ProtocolEvent {
  readonly type: string
  readonly code?: number
  readonly reason?: string
}

/** What a run is given of its connection. */
export interface RunConnection<Event> {
  readonly receive: Receive<Event>
  readonly layer: ChannelLayer | undefined
  readonly logger: Logger | undefined
  /** The type of the event that is the connection's last; none for a named channel, where a type is anybody's choice. */
  readonly lastEventType: string | undefined
  /** Tells of the end ahead of the events that wait to be received, where the server can. */
  readonly onEnd: ((listener: (event: Event) => void) => void) | undefined
  /** The `send` of the application, which may have a shorter way for messages; none where the consumer is to see them all. */
  readonly send: object | undefined
}

/** What a run calls on its consumer: the methods of the base classes that nobody else may call. */
export interface RunHooks<Event> extends SharingHooks {
  /** Handles one event of the connection. */
  handleEvent(consumer: object, event: Event): void | PromiseLike<void>
  /** The connection has ended: called exactly once, whatever ended it. */
  handleEnd(consumer: object, code: number, reason: string): void | PromiseLike<void>
  /** A handler threw: tells the peer, before `handleEnd`. `isReported`: another consumer's run rejects with it, not this one's. */
  handleFailure(consumer: object, error: unknown, isReported: boolean): void | PromiseLike<void>
  /** Sends what a static handler has made for all. */
  sendShared(consumer: object, event: SharedEvent): void | PromiseLike<void>
}

/** How one class's consumers are run. */
export interface RunOptions<Event> {
  readonly name: string
  readonly channelLayerAlias: string
  readonly hooks: RunHooks<Event>
  readonly handlers: Pick<HandlerTable, 'find' | 'isFirstReport'>
  readonly capacity: number | undefined
  readonly capacityBytes: number
  readonly overflow: OverflowPolicy
  readonly disconnectTimeoutMs: number
}

/** A consumer class, and what it says of its consumers in its static properties. */
export interface ConsumerSettings extends Function {
  readonly channelLayerAlias: string
  readonly capacity: number | undefined
  readonly capacityBytes: number
  readonly overflow: OverflowPolicy
  readonly disconnectTimeoutMs: number
}

/** The options of a class's runs. @throws TidewayError `ERR_BAD_OPTION` for a static property out of its range */
export function runOptionsOf<Event>(consumerClass: ConsumerSettings, hooks: RunHooks<Event>): RunOptions<Event> {
  const { name, channelLayerAlias, capacity, capacityBytes, overflow, disconnectTimeoutMs } = consumerClass
  if (!Number.isInteger(capacityBytes) || capacityBytes < 1) {
    throw badOption(name, 'capacityBytes', 'a whole number of at least 1', capacityBytes)
  }
  if (capacity !== undefined && (!Number.isInteger(capacity) || capacity < 1)) {
    throw badOption(name, 'capacity', 'a whole number of at least 1', capacity)
  }
  // What a timer of Node can hold.
  if (!(disconnectTimeoutMs > 0 && disconnectTimeoutMs < 2 ** 31)) {
    throw badOption(
      name,
      'disconnectTimeoutMs',
      'a number of milliseconds over 0 and under 2147483648',
      disconnectTimeoutMs,
    )
  }
  const handlers = new HandlerTable(consumerClass, hooks)
  return { name, channelLayerAlias, hooks, handlers, capacity, capacityBytes, overflow, disconnectTimeoutMs }
}

function badOption(name: string, option: string, range: string, value: unknown): TidewayError {
  return new TidewayError('ERR_BAD_OPTION', `${name}.${option} must be ${range}, not ${String(value)}.`)
}
