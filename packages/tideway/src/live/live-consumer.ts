import type { Application } from '../asgi/application.ts'
import { setTraits } from '../asgi/application-traits.ts'
import type { Scope } from '../asgi/scope.ts'
import type { Authenticated } from '../asgi/user.ts'
import type { WithStaticHandlers } from '../consumer/handlers.ts'
import type { TextOrBytes } from '../consumer/text-or-bytes.ts'
import { WebSocketConsumer, type AcceptOptions } from '../consumer/websocket-consumer.ts'
import type { StandardSchema } from '../errors/standard-schema.ts'
import { TidewayError } from '../errors/tideway-error.ts'
import type { PublishOptions } from '../layer/log/kept-groups-options.ts'
import type { EventSchemas, InputOf, Volatile } from './event-schemas.ts'
import { LIVE_SUBPROTOCOL } from './frames.ts'
import type { LiveHttpOptions } from './http/http-options.ts'
import { liveOverHttp } from './http/live-over-http.ts'
import { overHttpOf } from './http/over-http.ts'
import { metaOf } from './group-presence.ts'
import type { Authorization } from './authorization.ts'
import type { PresentAs, WithPresent } from './present.ts'
import type { KeptGroup, PublishedOf } from './kept-group.ts'
import { LiveConnection, type LiveSender } from './live-connection.ts'
import {
  requireLiveSettings,
  wireNameOf,
  type AnyGroupFamily,
  type LiveGroup,
  type LiveSettings,
} from './live-settings.ts'
import { RequestError } from './request.ts'
import { nextEventId } from './requests.ts'

/**
 * Serves the live protocol (docs/spec/live.md): clients join kept groups, resume them after a lost connection, and send requests.
 * Declare the groups, decide in {@link LiveConsumer.authorize | authorize} which of them a client may join, and add a property of
 * `request()` for each request. Everything else of a `WebSocketConsumer` works as there.
 *
 * `Kwargs` are the arguments of the URL. `Extra` is the part of the scope that middleware must add: a user by default.
 * @example
 * export class ChatConsumer extends LiveConsumer {
 *   static override groups = { room }
 *   override authorize() {
 *     return this.scope.user.isAuthenticated
 *   }
 *   say = request(message, ({ room: id, text }) => this.publish(room(id), 'said', { user: this.scope.user.username, text }))
 * }
 */
export abstract class LiveConsumer<
  Kwargs extends object = {},
  Extra extends object = Authenticated,
> extends WebSocketConsumer<Kwargs, Extra> {
  /** The declarations of the groups that clients may join, by their names. @default none */
  static groups: Readonly<Record<string, AnyGroupFamily>> = {}
  /** The most groups that a connection may join. @default 100 */
  static maxGroups = 100
  /** How many groups a connection may join per second, on average. @default 20 */
  static joinsPerSecond = 20
  /** How many groups a connection may join at once. @default 100 */
  static joinBurst = 100
  /** Time limit of `authorize()` and of `snapshot()`, in milliseconds. @default 10000 */
  static authorizeTimeoutMs = 10_000
  /** The most unanswered requests of a connection. @default 100 */
  static maxRequests = 100
  /** How long a repeated request waits for the answer to the first one, in milliseconds. @default 60000 */
  static repeatTimeoutMs = 60_000
  /** Time limit of the first frame of the client, in milliseconds. @default 10000 */
  static helloTimeoutMs = 10_000
  /** The bounds of clients that cannot open a WebSocket and use HTTP. `false`: there are none. */
  static http: LiveHttpOptions | false = {}

  static readonly #sender: LiveSender = {
    sendEvent: (consumer, event) => (consumer as LiveConsumer).sendEvent(event),
    stop: (consumer) => (consumer as LiveConsumer).stop(),
  }

  #live: LiveConnection | undefined

  /**
   * Returns the application of this class: see `Consumer.asApplication`.
   * @throws TidewayError `ERR_BAD_OPTION` for a static property out of its range, and for a group whose key is not its name
   */
  static override asApplication<Args extends readonly unknown[], C extends { readonly scope: Scope }, Class = unknown>(
    this: (new (...args: Args) => C) & Class & WithStaticHandlers<Class, C> & WithPresent<Class, C>,
    ...args: Args
  ): Application<C['scope']> {
    requireLiveSettings(this as unknown as LiveSettings)
    // The type of `this` is the public view of a subclass, which the compiler cannot call with unknown arguments.
    const application = super.asApplication.call(this as never, ...args) as Application<C['scope']>
    const settings = this as unknown as LiveSettings
    const overHttp = settings.http === false ? undefined : liveOverHttp(settings)
    return setTraits(application, { liveConsumer: { type: this, create: () => new this(...args), overHttp } })
  }

  /**
   * Whether the client may join the group, and with which limits. Called at every join and at every resume, before anything is read.
   * The default denies. If it throws or takes longer than `authorizeTimeoutMs`, the client tries again later.
   */
  authorize(_group: LiveGroup): Authorization | Promise<Authorization> {
    return false
  }

  /**
   * The state of the group for a client whose events do not continue its position: a JSON value. The client gets it with the join or
   * the reset, and then the events after a position that was read before this call: some of them may be in the snapshot already.
   */
  snapshot?(group: LiveGroup): unknown

  /**
   * Who the client is in a group with presence: a key, which is the same for all connections of one person, and its public data, which
   * the schema of the declaration checks. Called at every join after `authorize()`. Take both from the server, never from the client.
   * The default is `undefined`: the client is not present, and may see who is. All clients of a class without users are guests: use
   * `this.channelName` as the key.
   */
  present(_group: LiveGroup): PresentAs<object> | undefined | Promise<PresentAs<object> | undefined> {
    return undefined
  }

  /**
   * Changes the public data of the person in a group that this connection has joined, for all its connections.
   * @throws RequestError `forbidden` if the connection is not present in the group
   * @throws TidewayError `ERR_BAD_PRESENCE` if the schema refuses the data, `ERR_LAYER_UNAVAILABLE`
   */
  async updatePresence<Events extends EventSchemas, Meta extends StandardSchema>(
    group: KeptGroup<Events, Meta>,
    meta: InputOf<Meta>,
  ): Promise<void> {
    const member = this.#live?.joinOf(wireNameOf(group))?.member
    if (member === undefined) {
      throw new RequestError('forbidden', `The connection is not present in the group ${wireNameOf(group)}.`)
    }
    await member.update(await metaOf(group, meta))
  }

  /** The client has joined the group. Alternates with {@link onLeave} for each connection and group. */
  onJoin(_group: LiveGroup): void | Promise<void> {}

  /** The client has left the group: it has asked to, is no longer allowed, or its connection has ended. */
  onLeave(_group: LiveGroup): void | Promise<void> {}

  /**
   * Publishes an event into a group that this connection has joined: see `KeptGroup.publish`. Waits for a join that is opening. In a
   * request with an `id`, an event without an `id` has one that is derived from it, so that a repeated request publishes it once.
   * @throws RequestError `forbidden` if the connection has not joined the group
   * @throws TidewayError as `KeptGroup.publish`
   */
  async publish<Events extends EventSchemas, Name extends keyof Events & string>(
    group: KeptGroup<Events>,
    name: Name,
    data: InputOf<Events[Name]>,
    options?: Events[Name] extends Volatile ? undefined : PublishOptions,
  ): Promise<PublishedOf<Events[Name]>>
  async publish(
    group: KeptGroup<EventSchemas>,
    name: string,
    data: unknown,
    options: PublishOptions = {},
  ): Promise<unknown> {
    const id = options.id === undefined ? nextEventId() : undefined
    if (!(await this.hasJoined(group))) {
      throw new RequestError('forbidden', `The connection has not joined the group ${wireNameOf(group)}.`)
    }
    const { channelLayer } = this
    if (id === undefined) return group.publish(channelLayer, name, data, options)
    return group.publishShown(channelLayer, name, data, { ...options, id: id.unique }, id.shown)
  }

  /**
   * Whether this connection has joined the group. Waits for a join that is opening. For a request that writes to a database before it
   * publishes: a client may send the id of any group. A request over HTTP has no joins: then whether {@link authorize} allows the join.
   */
  async hasJoined(group: LiveGroup): Promise<boolean> {
    return (await this.#live?.hasJoined(group)) ?? false
  }

  /** Ends the join of the client in the group with the code `forbidden`. Has no effect if it has not joined the group. */
  leave(group: LiveGroup): void {
    const join = this.#live?.joinOf(wireNameOf(group))
    if (join !== undefined) {
      this.#live?.refuse(join, 'forbidden', `The group ${join.wireName} is no longer allowed.`)
    }
  }

  /**
   * Accepts the connection with the subprotocol of the live protocol, or refuses with 403 if the client does not offer it. Refuses a user
   * with too many calls over HTTP with 429.
   */
  override accept(options: Omit<AcceptOptions, 'subprotocol'> = {}): void | Promise<void> {
    if (!this.scope.subprotocols.includes(LIVE_SUBPROTOCOL)) {
      return this.deny({
        body: `This path speaks the WebSocket subprotocol ${LIVE_SUBPROTOCOL}, which the client must offer.`,
      })
    }
    if (overHttpOf(this.scope)?.mayCall(this.scope) === false) {
      return this.deny({
        status: 429,
        headers: { 'Retry-After': '1' },
        body: 'Too many calls: wait before the next one.',
      })
    }
    const accepting = super.accept({ ...options, subprotocol: LIVE_SUBPROTOCOL })
    const settings = this.constructor as unknown as LiveSettings
    this.#live = new LiveConnection(this, settings, LiveConsumer.#sender, this.logger)
    return accepting
  }

  override receive(message: TextOrBytes): void | Promise<void> {
    if (this.#live !== undefined) return this.#live.receive(message)
    throw new TidewayError('ERR_OUT_OF_TURN', `${this.constructor.name} got a message before accept().`)
  }

  protected override handleEnd(code: number, reason: string): void | PromiseLike<void> {
    const closing = this.#live?.close()
    if (closing === undefined) return super.handleEnd(code, reason)
    return closing.then(() => super.handleEnd(code, reason))
  }
}
