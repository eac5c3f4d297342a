/**
 * A client of live consumers: joined groups that resume without a hole, and requests.
 * @module @tideway/client/live
 */

export { connectLive } from './connect-live.ts'
export { valueStore, type ValuesOf, type ValuesView, type ValueStore } from './value-store.ts'
export { groupStore, type GroupStore, type GroupStoreOptions, type GroupView } from './group-store.ts'
export type { LiveClient, LiveClientEvents, LiveOptions } from './live-client.ts'
export { RequestFailedError, type LiveRequestOptions, type PendingRequest } from './live-requests.ts'
export type {
  EventSource,
  GroupEvent,
  GroupEventOf,
  GroupLifecycle,
  GroupState,
  JoinedGroup,
  JoinOptions,
  LiveGroup,
  LiveState,
} from './live-group.ts'
export type { ResetReason } from './frames.ts'
export type { People } from './people.ts'
export type {
  EventData,
  EventDeclaration,
  EventPosition,
  EventsOf,
  FamilyName,
  GroupDeclaration,
  LiveConsumerClass,
  PersonOf,
  RequestInput,
  RequestName,
  RequestOutput,
  SchemaTypes,
  UntypedConsumer,
  ValueOf,
} from './consumer-types.ts'
export { ClientError, type ClientErrorCode } from '../errors.ts'
export { describeState, secondsLeft, type ConnectionState, type Transport } from '../state.ts'
