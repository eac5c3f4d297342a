/**
 * The parts that a channel layer is built from: the base class, mailboxes, capacities, turns, checks of names and options, time
 * limits, and event logs.
 * @module tideway/layer/kit
 */

export { backoffMs, type BackoffOptions } from '../errors/backoff.ts'
export { MAX_TIMER_MS, requireWholeNumber } from '../errors/option-checks.ts'
export { resolvesWithin, type ResolvesWithinOptions } from '../errors/resolves-within.ts'
export { TidewayError } from '../errors/tideway-error.ts'
export { BaseChannelLayer } from './base-channel-layer.ts'
export { Capacities, DEFAULT_CAPACITY } from './capacity.ts'
export { LayerEvents, type EngineEvents } from './layer-events.ts'
export { LocalChannels, type LocalChannelsOptions } from './local-channels.ts'
export { DEFAULT_CAPACITY_BYTES, Mailbox, type OverflowPolicy } from './mailbox.ts'
export type { AnswerStore, Claim } from './log/answer-store.ts'
export type { Clock } from './log/clock.ts'
export type { Cursor, Follower, Reset } from './log/cursor.ts'
export {
  DEFAULT_ID_TTL_MS,
  type AppendOptions,
  type EventLog,
  type Expiry,
  type LogSink,
  type ReadOptions,
  type SetOptions,
  type SetResult,
  type StateRead,
  type ValuesOptions,
} from './log/event-log.ts'
export {
  surveyDefaults,
  type AnswerSurvey,
  type GroupSurvey,
  type ProcessFigures,
  type SurveyAnswer,
  type SurveyedGroups,
  type SurveyOptions,
} from './log/group-survey.ts'
export type { ProcessSurvey } from './log/process-survey.ts'
export type { KeptGroupsListener } from './log/kept-groups-listener.ts'
export { KeptGroups } from './log/kept-groups.ts'
export { MemoryEventLog } from './log/memory-event-log.ts'
export { containsPosition, continuesPosition, MAX_DELETIONS, MAX_EPOCHS, type LogHead } from './log/position.ts'
export type { Followed, FollowOptions } from './log/follow.ts'
export { leftBody, parsePresenceEntry, presenceHistory, presenceLogOf, presentBody } from './presence/presence-entry.ts'
export type {
  AnnounceOptions,
  BeatOptions,
  DeadProcess,
  PresenceBeat,
  KeepLeftOptions,
  LeftPerson,
  PresenceLeave,
  PresenceSnapshot,
  PresenceStore,
  PresenceWrite,
  PresentPerson,
  SuspectProcess,
  SweepOptions,
} from './presence/presence-store.ts'
export type { LeftListener, Person } from './presence/left-people.ts'
export { Presence, PresenceMember } from './presence/presence.ts'
export type { PresenceDiff, PresenceView, PresenceWatcher } from './presence/presence-view.ts'
export { copyMessage, DEFAULT_MAX_MESSAGE_BYTES, rememberMessageBytes } from './message.ts'
export { MAX_NAME_LENGTH, nonLocalName, requireChannelName, requireGroupName } from './names.ts'
export { TurnQueue } from './turn-queue.ts'
