import type { EventInfo } from '../consumer/followed-event.ts'
import type { Follows } from '../consumer/followings.ts'
import type { HandlerName } from '../consumer/handlers.ts'
import type { TextOrBytes } from '../consumer/text-or-bytes.ts'
import type { StandardSchema } from '../errors/standard-schema.ts'
import type { EventSchemas, OutputOf, Volatile } from './event-schemas.ts'
import type { KeptGroup } from './kept-group.ts'
import type { StateGroup } from './state-group.ts'

type EventsOf<Family> = Family extends (id: string) => KeptGroup<infer Events extends EventSchemas> ? Events : never

/** The schema of the values of a declaration. */
type StateOf<Family> = Family extends (id: string) => StateGroup<infer Schema extends StandardSchema> ? Schema : never

/** The source of a changed value. */
type ValueInfo = EventInfo & { readonly position: string; readonly key: string }

/** The handlers of events and changed values, whose result is `Result`. */
type HandlersOf<Family, Result> = [StateOf<Family>] extends [never]
  ? {
      readonly [Name in keyof EventsOf<Family> & string as HandlerName<Name>]: (
        data: OutputOf<EventsOf<Family>[Name]>,
        at: InfoOf<EventsOf<Family>[Name]>,
      ) => Result | Promise<Result>
    }
  : { readonly onValue: (value: OutputOf<StateOf<Family>> | undefined, at: ValueInfo) => Result | Promise<Result> }

/** The source of an event: only a volatile event has no position. */
type InfoOf<Declared> = Declared extends Volatile ? EventInfo : EventInfo & { readonly position: string }

/**
 * The handlers that a consumer needs to follow groups of a declaration. The compiler checks them:
 * `class ChatConsumer extends WebSocketConsumer implements FollowHandlers<typeof room>`.
 */
export type FollowHandlers<Family> = Follows & HandlersOf<Family, void>

/**
 * The static handlers that a consumer class needs to follow groups of a declaration in addition to `onReset()` of its instances. The
 * compiler checks them: `ChatConsumer satisfies StaticFollowHandlers<typeof room>`. `Content` is their result: a message by
 * default, any JSON value for a `JsonWebSocketConsumer`.
 */
export type StaticFollowHandlers<Family, Content = TextOrBytes> = HandlersOf<Family, Content | void>
