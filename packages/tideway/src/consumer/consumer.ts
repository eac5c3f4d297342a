import type { Application, ReceiveEventOf, SendEventOf, Send } from '../asgi/application.ts'
import { inspectionOf } from '../asgi/inspection.ts'
import { handlerInstrumentationOf } from '../asgi/instrumentation.ts'
import { consoleLogger, type Logger } from '../asgi/logger.ts'
import { directSenderOf, shortestSend } from '../asgi/direct-sender.ts'
import type { ChannelScope, Scope, WebSocketScope } from '../asgi/scope.ts'
import type { Routed } from '../asgi/url-route.ts'
import type { WebSocketMessageSendEvent } from '../asgi/websocket-events.ts'
import { TidewayError } from '../errors/tideway-error.ts'
import type { ChannelLayer, Message } from '../layer/channel-layer.ts'
import type { Person } from '../layer/presence/left-people.ts'
import type { PresenceMember } from '../layer/presence/presence.ts'
import { DEFAULT_CAPACITY_BYTES, type OverflowPolicy } from '../layer/mailbox.ts'
import { ConsumerRun } from './consumer-run.ts'
import type { FollowAnswer, FollowOptions, Follows } from './followings.ts'
import type { PresentPeople, WatchesPresence } from './presences.ts'
import type { WithStaticHandlers } from './handlers.ts'
import { instrumentedOptions } from './instrumented-options.ts'
import {
  runOptionsOf,
  type ConsumerSettings,
  type ProtocolEvent,
  type RunHooks,
  type RunOptions,
} from './run-options.ts'

/** The channel layers by alias that `defineApplication` adds to the scope. */
export interface WithChannelLayers {
  readonly channelLayers?: Readonly<Record<string, ChannelLayer>>
}

/** The URL route that a URL router adds to the scope. Optional for a consumer without URL arguments. */
export type WithUrlRoute<Kwargs extends object> = {} extends Kwargs ? Partial<Routed> : Routed<Kwargs>

/** The event that ends a connection. A named channel has none, because its messages may have any type. */
const lastEventTypes: Readonly<Partial<Record<Scope['type'], string>>> = {
  websocket: 'websocket.disconnect',
  http: 'http.disconnect',
}

type ConcreteClass<Args extends readonly unknown[]> = (new (...args: Args) => Consumer<Scope>) &
  ConsumerSettings &
  Pick<typeof Consumer, 'scopeType'>

/**
 * A class whose instances each serve one connection or one named channel. An instance handles the events of its connection
 * and the messages of its channel one at a time, in the order of arrival.
 *
 * The method `onChatMessage` handles a message of type `chat.message`. A message without a handler is logged and counted, and
 * the connection stays open. An error of a handler ends the connection.
 *
 * A `static` handler runs once per message for all consumers of the class. Each of them is sent its result.
 */
export abstract class Consumer<S extends Scope = ChannelScope> {
  /** The scope type that the class serves. Rejects others. Unset: all types except the lifespan. */
  static scopeType: Scope['type'] | undefined = undefined
  /** The alias of {@link channelLayer} in `scope.channelLayers`. */
  static channelLayerAlias = 'default'
  /** Maximum messages of the channel that are queued while a handler runs. Unset: the capacity of the layer. */
  static capacity: number | undefined = undefined
  /**
   * Bytes of queued messages from which further messages are dropped, also if fewer than `capacity` are queued. Messages under
   * 1 KiB do not count. A message to several consumers counts for each of them.
   */
  static capacityBytes: number = DEFAULT_CAPACITY_BYTES
  /** What is dropped if a message comes while `capacity` messages or `capacityBytes` are queued. */
  static overflow: OverflowPolicy = 'drop-newest'
  /** Time limit of a running handler, and then of `disconnect`, after the end of the connection, in milliseconds. */
  static disconnectTimeoutMs = 10_000

  static readonly #hooks: RunHooks<ProtocolEvent> = {
    handleEvent: (consumer, event) => (consumer as Consumer<Scope>).handleEvent(event as ReceiveEventOf<Scope>),
    handleEnd: (consumer, code, reason) => (consumer as Consumer<Scope>).handleEnd(code, reason),
    handleFailure: (consumer, error, isReported) => (consumer as Consumer<Scope>).handleFailure(error, isReported),
    sharedEvent: (consumer, returned) => (consumer as Consumer<Scope>).sharedEvent(returned),
    logger: (consumer) => (consumer as Consumer<Scope>).#scope?.logger ?? consoleLogger,
    sendShared: (consumer, event) => (consumer as Consumer<Scope>).sendEvent(event as SendEventOf<Scope>),
  }

  // Set for the connection. Three properties instead of an object, which would cost memory per connection.
  #scope: S | undefined
  #send: Send<SendEventOf<S>> | undefined
  #run: ConsumerRun<ProtocolEvent> | undefined

  /**
   * Returns the application of this class: one instance per connection, made with the given constructor arguments. The compiler
   * rejects a class whose static handlers return content that its consumers cannot send.
   * @example path('ws/chat/:roomName/', ChatConsumer.asApplication())
   * @throws TidewayError `ERR_BAD_OPTION` for a static property out of its range, and for a handler that is both static and an instance method
   */
  static asApplication<Args extends readonly unknown[], C extends { readonly scope: Scope }, Class = unknown>(
    this: (new (...args: Args) => C) & Class & WithStaticHandlers<Class, C>,
    ...args: Args
  ): Application<C['scope']> {
    // The type of `this` is the public view of a subclass, which rejects abstract classes. It is always a Consumer.
    const consumerClass = this as unknown as ConcreteClass<Args>
    if (typeof consumerClass !== 'function') {
      throw new TidewayError('ERR_BAD_OPTION', 'Call asApplication() on the class: ChatConsumer.asApplication().')
    }
    const options = runOptionsOf(consumerClass, Consumer.#hooks)
    const optionsOf: Partial<Record<Scope['type'], RunOptions<ProtocolEvent>>> = {}
    return (scope, receive, send) => {
      if (!serves(consumerClass.scopeType, scope)) return Promise.reject(noApplication(consumerClass.name, scope))
      inspectionOf(scope)?.consumer(options.name, scope)
      const consumer = new consumerClass(...args)
      const layer = (scope as WithChannelLayers).channelLayers?.[options.channelLayerAlias]
      const ofScope = (optionsOf[scope.type] ??= { ...options, lastEventType: lastEventTypes[scope.type] })
      const runOptions = instrumentedOptions(ofScope, handlerInstrumentationOf(scope))
      const run = new ConsumerRun<ProtocolEvent>(consumer, runOptions, {
        receive,
        layer,
        onEnd: (scope as WebSocketScope).onEnd,
        // A class that overrides sendEvent() sees every event.
        send: consumer.sendEvent === Consumer.prototype.sendEvent ? send : undefined,
      })
      consumer.#scope = scope
      consumer.#send = send
      consumer.#run = run
      const sender = directSenderOf(send)
      if (sender !== undefined) sender.pendingHandshake = run
      return run.run()
    }
  }

  /** The connection: path, headers, URL arguments, user. Not available in the constructor. */
  get scope(): S {
    return this.#scope ?? this.#notBound()
  }

  /**
   * The channel layer for messages to other consumers.
   * @throws TidewayError `ERR_NO_CHANNEL_LAYER` if the application defines none
   */
  get channelLayer(): ChannelLayer {
    return this.#bound.channelLayer
  }

  /**
   * The name of this consumer's own channel. The consumer gets messages to the channel and to the groups of the channel. After
   * the end of the connection, the channel has no receiver, and adding it to a group has no effect.
   * @throws TidewayError `ERR_NO_CHANNEL_LAYER` if the application defines no layer
   */
  get channelName(): string {
    return this.#bound.channelName
  }

  /**
   * Follows a kept group: its events come to the handlers of the consumer, `onSaid(data, at)` for the event `said`, one at a time,
   * in the order of the log and without a hole. While the consumer is busy it falls behind, and no event is dropped. Following a
   * group again replaces the first call. Ends with the connection, or with {@link unfollow}.
   *
   * With `isState`, the changes of a group with values come to `onValue(value, { key })`, with `undefined` for a deletion. The answer has
   * the values before them. A busy consumer gets the newest value of each key only.
   *
   * The class needs `onReset(group, why)`, which is called if the consumer has missed events. Resolves before the first event.
   * @throws TidewayError `ERR_BAD_POSITION` for a malformed `since`, `ERR_BAD_NAME`, `ERR_BAD_OPTION`; `ERR_NO_CHANNEL_LAYER`,
   *   `ERR_NO_KEPT_GROUPS`; `ERR_LAYER_UNAVAILABLE` if the log cannot be read; `ERR_CONNECTION_CLOSED` after the end of the
   *   connection
   */
  async follow(this: Follows, group: string, options: FollowOptions = {}): Promise<FollowAnswer> {
    return (this as unknown as Consumer<S>).#bound.followings.follow(group, options)
  }

  /** Ends {@link follow}, also a call that waits. Has no effect if the consumer does not follow the group. */
  unfollow(group: string): void {
    this.#bound.followings.unfollow(group)
  }

  /**
   * Enters the connection into a kept group as a person: see docs/guides/presence.md. All connections with the same key are one
   * person. Call it after a check of the user, with data of the server. The person leaves some time after the connection has ended,
   * or with `leave()` of the result. For a consumer with a wire of its own: a `LiveConsumer` has `present()`.
   * @throws TidewayError `ERR_BAD_PRESENCE` for a key or a meta that is too large, `ERR_BAD_NAME`; `ERR_NO_CHANNEL_LAYER`,
   *   `ERR_NO_KEPT_GROUPS`; `ERR_LAYER_UNAVAILABLE`; `ERR_CONNECTION_CLOSED` after the end of the connection
   */
  enter(group: string, person: Person): Promise<PresenceMember> {
    return this.#bound.presences.enter(group, person)
  }

  /**
   * Returns who is in a kept group, and calls `onPresence(group, change)` for the changes after it, until the connection ends or
   * {@link unwatchPresence} is called.
   * @throws TidewayError as {@link enter}; `ERR_BAD_OPTION` without `onPresence`
   */
  watchPresence(this: WatchesPresence, group: string): Promise<PresentPeople> {
    return (this as unknown as Consumer<S>).#bound.presences.watch(group)
  }

  /** Ends {@link watchPresence}. Has no effect if the consumer does not watch the group. */
  unwatchPresence(group: string): void {
    this.#bound.presences.unwatch(group)
  }

  /** Aborts at the end of the connection, even while a handler runs: pass it to calls that wait. */
  get signal(): AbortSignal {
    return this.#bound.signal
  }

  /** The logger of the server. */
  protected get logger(): Logger {
    return this.scope.logger ?? consoleLogger
  }

  /**
   * Sends an event of the protocol unchanged. After the end of the connection it has no effect and does not throw, so that
   * timers and listeners may call it. {@link signal} has aborted then.
   * @throws TidewayError `ERR_BAD_EVENT` for a malformed event, `ERR_OUT_OF_TURN` for one that the state does not allow
   */
  protected sendEvent(event: SendEventOf<S>): void | Promise<void> {
    const send = this.#send ?? this.#notBound()
    const run = this.#bound
    try {
      const sender = event.type === 'websocket.send' ? run.directSender : undefined
      if (sender?.isOpen === true) return sender.sendMessage(event as WebSocketMessageSendEvent)
      const sending = send(event)
      if (event.type === 'websocket.accept') this.#sendDirectly()
      // The `send` of middleware may be async.
      return sending instanceof Promise ? sending.catch((error: unknown) => run.sendFailed(error)) : sending
    } catch (error) {
      return run.sendFailed(error)
    }
  }

  /** After the accept, middleware may pass every event on: its `send` is dropped then. */
  #sendDirectly(): void {
    if (this.#bound.directSender !== undefined) this.#send = shortestSend(this.#send!)
  }

  /** Ends the consumer, like `throw new StopConsumer()` in a handler. */
  protected stop(): void {
    this.#bound.stop()
  }

  /** Leaves further and queued messages of the channel unhandled. */
  protected takeNoMoreMessages(): void {
    this.#bound.takeNoMoreMessages()
  }

  /** Whether the consumer has a channel, so that messages can still reach it. */
  protected get hasChannel(): boolean {
    return this.#bound.hasChannel
  }

  /** Handles one event of the connection; a message of a named channel by its `on…` method. */
  protected handleEvent(event: ReceiveEventOf<S>): void | PromiseLike<void> {
    return this.#bound.handleMessage(event as Message)
  }

  /** The connection has ended. Called exactly once. */
  protected handleEnd(_code: number, _reason: string): void | PromiseLike<void> {}

  /**
   * A handler threw: closes the connection, before {@link handleEnd}. Then the application rejects with the error, and the
   * server answers a pending handshake or request. If `isReported`, it does not reject: the error is that of a static handler,
   * and another recipient reports it.
   */
  protected handleFailure(_error: unknown, _isReported: boolean): void | PromiseLike<void> {}

  /**
   * Encodes the result of a static handler as the event for all recipients. Called once per message, on the first recipient.
   * @throws TidewayError `ERR_BAD_EVENT` if the result cannot be sent
   */
  protected sharedEvent(_returned: unknown): SendEventOf<S> | undefined {
    throw new TidewayError(
      'ERR_BAD_EVENT',
      `${this.constructor.name} cannot send the result of a static handler: only WebSocket consumers have static handlers.`,
    )
  }

  get #bound(): ConsumerRun<ProtocolEvent> {
    return this.#run ?? this.#notBound()
  }

  #notBound(): never {
    throw new TidewayError(
      'ERR_OUT_OF_TURN',
      `${this.constructor.name} has no connection yet: scope, channelLayer and signal are available from the first handler on, not in the constructor.`,
    )
  }
}

function serves(scopeType: Scope['type'] | undefined, scope: Scope): boolean {
  return scopeType === undefined ? scope.type !== 'lifespan' : scope.type === scopeType
}

function noApplication(name: string, scope: Scope): TidewayError {
  return new TidewayError('ERR_NO_APPLICATION', `${name} does not serve scopes of type "${scope.type}".`)
}
