import type { Application, ReceiveEventOf, SendEventOf, Send } from '../asgi/application.ts'
import { handlerInstrumentationOf } from '../asgi/instrumentation.ts'
import { consoleLogger, type Logger } from '../asgi/logger.ts'
import { directSenderOf } from '../asgi/direct-sender.ts'
import type { ChannelScope, Scope, WebSocketScope } from '../asgi/scope.ts'
import type { WebSocketMessageSendEvent } from '../asgi/websocket-events.ts'
import { TidewayError } from '../errors/tideway-error.ts'
import type { ChannelLayer, Message } from '../layer/channel-layer.ts'
import { DEFAULT_CAPACITY_BYTES, type OverflowPolicy } from '../layer/mailbox.ts'
import { ConsumerRun } from './consumer-run.ts'
import type { WithStaticHandlers } from './handlers.ts'
import { instrumentedOptions } from './instrumented-options.ts'
import { runOptionsOf, type ConsumerSettings, type ProtocolEvent, type RunHooks } from './run-options.ts'

/** What `defineApplication` adds to the scope: the application's channel layers by alias. */
export interface WithChannelLayers {
  readonly channelLayers?: Readonly<Record<string, ChannelLayer>>
}

/** The event that ends a connection. A named channel has no end, and its messages may be of any type. */
const lastEventTypes: Readonly<Partial<Record<Scope['type'], string>>> = {
  websocket: 'websocket.disconnect',
  http: 'http.disconnect',
}

type ConcreteClass<Args extends readonly unknown[]> = (new (...args: Args) => Consumer<Scope>) &
  ConsumerSettings &
  Pick<typeof Consumer, 'scopeType'>

/**
 * A class whose instances serve one connection, or one named channel, each. Its methods are called one at a time:
 * events of the connection and messages of its channel alike, in the order in which they came.
 *
 * A message of type `chat.message` is handled by the method `onChatMessage`. One that nobody handles is reported and
 * counted, and the connection lives on. What a handler throws ends the connection.
 *
 * A handler that is `static` runs once for each message, however many consumers of the class the message is for, and
 * returns what each of them is sent.
 */
export abstract class Consumer<S extends Scope = ChannelScope> {
  /** The scopes that the class can serve; any other is refused. Unset: all but the lifespan. */
  static scopeType: Scope['type'] | undefined = undefined
  /** Which of `scope.channelLayers` is {@link channelLayer}. */
  static channelLayerAlias = 'default'
  /** The most messages of the channel that wait while a handler runs. Unset: the capacity of the layer. */
  static capacity: number | undefined = undefined
  /**
   * Bytes of queued messages from which further messages are dropped, also if fewer than `capacity` are queued. Messages under
   * 1 KiB do not count. A message that goes to many consumers counts for each of them.
   */
  static capacityBytes: number = DEFAULT_CAPACITY_BYTES
  /** What is dropped if a message comes while `capacity` messages or `capacityBytes` are queued. */
  static overflow: OverflowPolicy = 'drop-newest'
  /** How long a running handler, and then `disconnect`, may take once the connection has ended, in milliseconds. */
  static disconnectTimeoutMs = 10_000

  static readonly #hooks: RunHooks<ProtocolEvent> = {
    handleEvent: (consumer, event) => (consumer as Consumer<Scope>).handleEvent(event as ReceiveEventOf<Scope>),
    handleEnd: (consumer, code, reason) => (consumer as Consumer<Scope>).handleEnd(code, reason),
    handleFailure: (consumer, error, isReported) => (consumer as Consumer<Scope>).handleFailure(error, isReported),
    sharedEvent: (consumer, returned) => (consumer as Consumer<Scope>).sharedEvent(returned),
    sendShared: (consumer, event) => (consumer as Consumer<Scope>).sendEvent(event as SendEventOf<Scope>),
  }

  // Set when the connection comes; three properties, since an object around them is one more a connection.
  #scope: S | undefined
  #send: Send<SendEventOf<S>> | undefined
  #run: ConsumerRun<ProtocolEvent> | undefined

  /**
   * The application of this class: one instance a connection, made with the given constructor arguments. The compiler
   * refuses a class whose static handlers return what its consumers cannot send.
   * @example path('ws/chat/:roomName/', ChatConsumer.asApplication())
   * @throws TidewayError `ERR_BAD_OPTION` for a static property out of its range, and for a handler that is both static and not
   */
  static asApplication<Args extends readonly unknown[], C extends { readonly scope: Scope }, Class = unknown>(
    this: (new (...args: Args) => C) & Class & WithStaticHandlers<Class, C>,
    ...args: Args
  ): Application<C['scope']> {
    // `this` is typed by what callers see of a subclass, so that abstract ones are refused; it is always a Consumer.
    const consumerClass = this as unknown as ConcreteClass<Args>
    if (typeof consumerClass !== 'function') {
      throw new TidewayError('ERR_BAD_OPTION', 'Call asApplication() on the class: ChatConsumer.asApplication().')
    }
    const options = runOptionsOf(consumerClass, Consumer.#hooks)
    return (scope, receive, send) => {
      if (!serves(consumerClass.scopeType, scope)) return Promise.reject(noApplication(consumerClass.name, scope))
      const consumer = new consumerClass(...args)
      const layer = (scope as WithChannelLayers).channelLayers?.[options.channelLayerAlias]
      const lastEventType = lastEventTypes[scope.type]
      const runOptions = instrumentedOptions(options, handlerInstrumentationOf(scope), lastEventType)
      const run = new ConsumerRun<ProtocolEvent>(consumer, runOptions, {
        receive,
        layer,
        logger: scope.logger,
        lastEventType,
        onEnd: (scope as WebSocketScope).onEnd,
        // A class that has a sendEvent() of its own is to see what is sent.
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

  /** The connection: path, headers, URL arguments, user. Not yet there in the constructor. */
  get scope(): S {
    return this.#scope ?? this.#notBound()
  }

  /**
   * The layer that carries messages to other consumers.
   * @throws TidewayError `ERR_NO_CHANNEL_LAYER` when the application defines none
   */
  get channelLayer(): ChannelLayer {
    return this.#bound.channelLayer
  }

  /**
   * The name of this consumer's own channel: what is sent there, or to a group that it was added to, comes here. After the
   * end of the connection the name leads nowhere, and adding it to a group has no effect.
   * @throws TidewayError `ERR_NO_CHANNEL_LAYER` when the application defines no layer
   */
  get channelName(): string {
    return this.#bound.channelName
  }

  /** Aborts as soon as the connection has ended, even while a handler is running: pass it to what waits. */
  get signal(): AbortSignal {
    return this.#bound.signal
  }

  /** Where the server reports. */
  protected get logger(): Logger {
    return this.scope.logger ?? consoleLogger
  }

  /**
   * Sends an event of the protocol as it is. After the end of the connection it has no effect and does not fail, wherever it
   * is called: a timer cannot know of the end. {@link signal} has aborted then.
   * @throws TidewayError `ERR_BAD_EVENT` for a malformed event, `ERR_OUT_OF_TURN` for one that the state does not allow
   */
  protected sendEvent(event: SendEventOf<S>): void | Promise<void> {
    const send = this.#send ?? this.#notBound()
    const run = this.#bound
    try {
      const sender = event.type === 'websocket.send' ? run.directSender : undefined
      if (sender?.isOpen === true) return sender.sendMessage(event as WebSocketMessageSendEvent)
      const sending = send(event)
      // Middleware may have an async function here.
      return sending instanceof Promise ? sending.catch((error: unknown) => run.sendFailed(error)) : sending
    } catch (error) {
      return run.sendFailed(error)
    }
  }

  /** Ends the consumer from within: what `throw new StopConsumer()` does for a handler. */
  protected stop(): void {
    this.#bound.stop()
  }

  /** Leaves every further message of the channel unhandled, those that wait included: there is nothing more to say. */
  protected takeNoMoreMessages(): void {
    this.#bound.takeNoMoreMessages()
  }

  /** Whether the consumer has asked for its channel, so that a message may still reach it. */
  protected get hasChannel(): boolean {
    return this.#bound.hasChannel
  }

  /** Handles one event of the connection; a message of a named channel by its `on…` method. */
  protected handleEvent(event: ReceiveEventOf<S>): void | PromiseLike<void> {
    return this.#bound.dispatch(event as Message)
  }

  /** The connection has ended: called exactly once, whatever ended it. */
  protected handleEnd(_code: number, _reason: string): void | PromiseLike<void> {}

  /**
   * A handler threw: tells the peer, before {@link handleEnd}. The application rejects with the error then, and the server
   * answers what is still to be answered, unless `isReported`: the same error of a static handler ends another consumer,
   * which tells of it.
   */
  protected handleFailure(_error: unknown, _isReported: boolean): void | PromiseLike<void> {}

  /**
   * The event that all are sent for what a static handler returned. Called once a message, on the first consumer that
   * handles it. @throws TidewayError `ERR_BAD_EVENT` for what cannot be sent
   */
  protected sharedEvent(_returned: unknown): SendEventOf<S> | undefined {
    throw new TidewayError(
      'ERR_BAD_EVENT',
      `${this.constructor.name} has no message that it could share: only WebSocket consumers have static handlers.`,
    )
  }

  get #bound(): ConsumerRun<ProtocolEvent> {
    return this.#run ?? this.#notBound()
  }

  #notBound(): never {
    throw new TidewayError(
      'ERR_OUT_OF_TURN',
      `${this.constructor.name} has no connection yet: scope, channelLayer and signal are there from the first handler on, not in the constructor.`,
    )
  }
}

function serves(scopeType: Scope['type'] | undefined, scope: Scope): boolean {
  return scopeType === undefined ? scope.type !== 'lifespan' : scope.type === scopeType
}

function noApplication(name: string, scope: Scope): TidewayError {
  return new TidewayError('ERR_NO_APPLICATION', `${name} does not serve scopes of type "${scope.type}".`)
}
