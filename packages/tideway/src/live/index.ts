/**
 * Kept groups with typed events: their declaration, publishing, and history.
 * @module tideway/live
 */

export { defineGroup, type GroupFamily, type GroupOptions } from './define-group.ts'
export { volatile, type EventSchemas, type InputOf, type OutputOf, type Volatile } from './event-schemas.ts'
export type { FollowHandlers, StaticFollowHandlers } from './follow-handlers.ts'
export type { HistoryEvent, KeptGroup, Published, PublishedOf } from './kept-group.ts'
