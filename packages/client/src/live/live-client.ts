import type { Listener } from '../emitter.ts'
import type { ClientError } from '../errors.ts'
import type { ConnectionOptions } from '../options.ts'
import type { ConnectionState, Transport } from '../state.ts'
import type { JoinedGroup, JoinOptions } from './live-group.ts'
import type { LiveRequestOptions, PendingRequest } from './live-requests.ts'
import type {
  FamilyName,
  LiveConsumerClass,
  PersonOf,
  RequestInput,
  RequestName,
  RequestOutput,
} from './consumer-types.ts'

/** The options of {@link connectLive}. The heartbeat is on by default: the server answers it. */
export interface LiveOptions extends Omit<ConnectionOptions, 'protocols' | 'outbox'> {
  /** The maximum number of requests without an answer, also of those that wait for a connection. @default 1000 */
  readonly maxPendingRequests?: number
  /**
   * The transports to try, the best one first. The client uses the first one that works: `stream` and `poll` are for networks without
   * WebSockets. `fetch` makes their requests. @default all three; only `websocket` with the option `WebSocket`
   */
  readonly transports?: readonly Transport[]
  /**
   * On a transport that is not the best one, the client tries the better ones again after this time, and at most after twice as long. The
   * time doubles with each failure, up to 10 minutes. @default 60000
   */
  readonly upgradeAfterMs?: number
  /**
   * Lets all tabs of the same `user` share one connection in a `SharedWorker`. The value is the URL of the script `live-worker.js` of
   * this package, on the origin of the page; `true` is its place beside the other modules. Needs the option `user`. A browser without shared
   * workers, and a page that cannot load the script, has one connection for each tab. @default false
   */
  readonly sharedWorker?: boolean | string | URL
  /** The user of the page, for `sharedWorker`: a tab shares a connection only with tabs of the same user. `null` if the site has no users. */
  readonly user?: string | number | null
}

/** The events of a live client and the argument of each listener. */
export interface LiveClientEvents {
  /** A connection opened: the first one, or one after a reconnect. Not after a move, which has no interruption. */
  open: ConnectionState & { status: 'open' }
  /** The connection was lost or an attempt failed, and the client will try again. */
  reconnecting: ConnectionState & { status: 'reconnecting' }
  /** The client closed permanently. */
  closed: ConnectionState & { status: 'closed' }
  /** The state changed. */
  state: ConnectionState
  /** An error. The client continues unless its state is `closed`. */
  error: ClientError
}

/** A connection to a live consumer that reconnects by itself. */
export interface LiveClient<Consumer extends LiveConsumerClass> extends Disposable {
  /** The state of the connection. `describeState` formats it as text. */
  readonly state: ConnectionState
  /** The number of times that events were missing on a connection. The client joined the group again from its position. */
  readonly gaps: number
  /** Adds a listener. Returns a function that removes it. */
  on<Name extends keyof LiveClientEvents>(name: Name, listener: Listener<LiveClientEvents[Name]>): () => void
  /**
   * Joins a group, now and on every later connection, until its `leave()`. Each call returns a group with its own listeners,
   * and the server sees one join. If the group is joined already, the new caller first gets the newest events that the
   * client still has: see {@link JoinOptions.last}. Throws `ERR_CLOSED`, and `ERR_BAD_OPTION` for `last`.
   */
  join<Family extends FamilyName<Consumer>>(
    family: Family,
    id: string | number,
    options?: JoinOptions,
  ): JoinedGroup<Consumer['groups'][Family], PersonOf<Consumer, Family>>
  /**
   * Calls a request handler of the consumer. The client repeats the request with the same `id` on each new connection until it
   * is answered, and the server handles an `id` once. It also repeats the request after a while if the server is not available.
   * Rejects with a `RequestFailedError` if the server answers with an error, and at the time limit if it was not available; with `ERR_REQUEST_TIMEOUT`, `ERR_CLOSED`, `ERR_OUTBOX_FULL`, `ERR_BAD_MESSAGE`, or `ERR_CONNECTION_LOST` if the
   * server closed the connection because of the request, and with the signal's reason.
   */
  request<Name extends RequestName<Consumer>>(
    name: Name,
    input: RequestInput<Consumer, Name>,
    options?: LiveRequestOptions,
  ): PendingRequest<RequestOutput<Consumer, Name>>
  /**
   * Calls a request handler without an answer and without a repetition, for what is worthless later, such as `typing`. Drops
   * the call and returns `false` without a connection. Throws `ERR_CLOSED` and `ERR_BAD_MESSAGE`.
   */
  send<Name extends RequestName<Consumer>>(name: Name, input: RequestInput<Consumer, Name>): boolean
  /** Reconnects now, for a "try again" button or after a known change of the network. Throws `ERR_CLOSED`. */
  reconnect(): void
  /** Closes permanently. Unanswered requests reject with `ERR_CLOSED`. */
  close(code?: number, reason?: string): void
}
