/**
 * Kept groups with typed events, the live protocol: clients that join and resume them, and send requests, and the HTTP API that other
 * programs publish with.
 * @module tideway/live
 */

export {
  defineGroup,
  type GroupFamily,
  type GroupOptions,
  type StateGroupFamily,
  type StateGroupOptions,
} from './define-group.ts'
export { volatile, type EventSchemas, type InputOf, type OutputOf, type Volatile } from './event-schemas.ts'
export type { FollowHandlers, StaticFollowHandlers } from './follow-handlers.ts'
export { publishApi } from './publish/publish-api.ts'
export {
  publishApiDefaults,
  type PublishAnswer,
  type PublishApiOptions,
  type PublishKey,
} from './publish/publish-options.ts'
export type { Authorization } from './authorization.ts'
export type { HistoryEvent, KeptGroup, Published, PublishedOf } from './kept-group.ts'
export type { WhoOptions } from './group-presence.ts'
export type { LiveHttpOptions } from './http/http-options.ts'
export { LiveConsumer } from './live-consumer.ts'
export type { AnyGroupFamily, LiveGroup } from './live-settings.ts'
export type { Here, MetaOf, PresenceSchema, PresentAs, WithPresence } from './present.ts'
export type { Changed, StateGroup, StateValue } from './state-group.ts'
export { LiveRequest, request, RequestError, type RequestHandlerOptions, type RequestInfo } from './request.ts'
