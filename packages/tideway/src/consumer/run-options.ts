import type { Receive } from '../asgi/application.ts'
import type { Logger } from '../asgi/logger.ts'
import { MAX_TIMER_MS, requirePositive, requireWholeNumber } from '../errors/option-checks.ts'
import type { ChannelLayer } from '../layer/channel-layer.ts'
import type { OverflowPolicy } from '../layer/mailbox.ts'
import { HandlerTable } from './handler-table.ts'
import type { SharedEvent, SharingHooks } from './static-handler.ts'

/** An event of any protocol. The last one of a connection may have a close code. */
export interface ProtocolEvent {
  readonly type: string
  readonly code?: number
  readonly reason?: string
}

/** The connection of a run. */
export interface RunConnection<Event> {
  readonly receive: Receive<Event>
  readonly layer: ChannelLayer | undefined
  /** Calls the listener at the end, before the queued events are received. `undefined` if the server cannot. */
  readonly onEnd: ((listener: (event: Event) => void) => void) | undefined
  /** The `send` of the application, which may have a direct way for messages. `undefined` if the consumer overrides `sendEvent()`. */
  readonly send: object | undefined
}

/** The protected methods of the base classes that a run calls on its consumer. */
export interface RunHooks<Event> extends SharingHooks {
  /** Handles one event of the connection. */
  handleEvent(consumer: object, event: Event): void | PromiseLike<void>
  /** The connection has ended. Called exactly once. */
  handleEnd(consumer: object, code: number, reason: string): void | PromiseLike<void>
  /** A handler threw: closes the connection, before `handleEnd`. `isReported`: another consumer's run rejects with the error. */
  handleFailure(consumer: object, error: unknown, isReported: boolean): void | PromiseLike<void>
  /** The logger of the connection. */
  logger(consumer: object): Logger
  /** Sends the event of a static handler. */
  sendShared(consumer: object, event: SharedEvent): void | PromiseLike<void>
}

/** Finds the handlers of one kind. */
export type HandlerLookup = Pick<HandlerTable, 'find' | 'isFirstReport'>

/** Finds the handlers of a class: for messages, and for events of kept groups. */
export interface HandlersOfClass extends HandlerLookup {
  readonly ofEvents: HandlerLookup
}

/** The options of the runs of one class for one type of scope. */
export interface RunOptions<Event> {
  readonly name: string
  readonly channelLayerAlias: string
  readonly hooks: RunHooks<Event>
  /** The type of the connection's last event. `undefined` for a named channel: its message types are user-defined. */
  readonly lastEventType?: string | undefined
  readonly handlers: HandlersOfClass
  readonly capacity: number | undefined
  readonly capacityBytes: number
  readonly overflow: OverflowPolicy
  readonly disconnectTimeoutMs: number
}

/** A consumer class with its static settings. */
export interface ConsumerSettings extends Function {
  readonly channelLayerAlias: string
  readonly capacity: number | undefined
  readonly capacityBytes: number
  readonly overflow: OverflowPolicy
  readonly disconnectTimeoutMs: number
}

/** Returns the options of a class's runs. @throws TidewayError `ERR_BAD_OPTION` for a static property out of its range */
export function runOptionsOf<Event>(consumerClass: ConsumerSettings, hooks: RunHooks<Event>): RunOptions<Event> {
  const { name, channelLayerAlias, capacity, capacityBytes, overflow, disconnectTimeoutMs } = consumerClass
  requireWholeNumber(`${name}.capacityBytes`, capacityBytes, Infinity)
  if (capacity !== undefined) requireWholeNumber(`${name}.capacity`, capacity, Infinity)
  requirePositive(`${name}.disconnectTimeoutMs`, disconnectTimeoutMs, MAX_TIMER_MS)
  const handlers = new HandlerTable(consumerClass, hooks)
  return { name, channelLayerAlias, hooks, handlers, capacity, capacityBytes, overflow, disconnectTimeoutMs }
}
