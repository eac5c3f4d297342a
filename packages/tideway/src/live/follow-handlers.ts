import type { EventInfo } from '../consumer/followed-event.ts'
import type { Follows } from '../consumer/followings.ts'
import type { HandlerName } from '../consumer/handlers.ts'
import type { TextOrBytes } from '../consumer/text-or-bytes.ts'
import type { EventSchemas, OutputOf, Volatile } from './event-schemas.ts'
import type { KeptGroup } from './kept-group.ts'

type EventsOf<Family> = Family extends (id: string) => KeptGroup<infer Events extends EventSchemas> ? Events : never

/** The source of an event: only a volatile event has no position. */
type InfoOf<Declared> = Declared extends Volatile ? EventInfo : EventInfo & { readonly position: string }

/**
 * The handlers that a consumer needs to follow groups of a declaration. The compiler checks them:
 * `class ChatConsumer extends WebSocketConsumer implements FollowHandlers<typeof room>`.
 */
export type FollowHandlers<Family> = Follows & {
  readonly [Name in keyof EventsOf<Family> & string as HandlerName<Name>]: (
    data: OutputOf<EventsOf<Family>[Name]>,
    at: InfoOf<EventsOf<Family>[Name]>,
  ) => void | Promise<void>
}

/**
 * The static handlers that a consumer class needs to follow groups of a declaration in addition to `onReset()` of its instances. The
 * compiler checks them: `ChatConsumer satisfies StaticFollowHandlers<typeof room>`. `Content` is their result: a message by
 * default, any JSON value for a `JsonWebSocketConsumer`.
 */
export type StaticFollowHandlers<Family, Content = TextOrBytes> = {
  readonly [Name in keyof EventsOf<Family> & string as HandlerName<Name>]: (
    data: OutputOf<EventsOf<Family>[Name]>,
    at: InfoOf<EventsOf<Family>[Name]>,
  ) => Content | void | Promise<Content | void>
}
