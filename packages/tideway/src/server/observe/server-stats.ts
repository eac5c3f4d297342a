import type { EventLoopDelayFigures } from './event-loop-delay.ts'
import type { RefusalReason } from '../handshake/refusal-reason.ts'

/** Messages of one kind in one direction. */
export interface MessageFigures {
  readonly messages: number
  /** The bytes of their payloads on the wire: without frame headers, and compressed if the messages were. */
  readonly bytes: number
}

/** One direction of all WebSockets. */
export interface TrafficFigures {
  readonly text: MessageFigures
  readonly binary: MessageFigures
  /** All bytes after the handshakes, including frame headers, pings and closes, without the overhead of TLS and TCP. */
  readonly wireBytes: number
}

/** The compressed messages of one direction. A message for a whole group is compressed and counted once. */
export interface CompressionFigures {
  readonly messages: number
  /** Their size in the application. */
  readonly plainBytes: number
  /** `compressedBytes / plainBytes` is the compression ratio. */
  readonly compressedBytes: number
}

/** The durations of one kind of operation: the same as `Durations` of `tideway/layer`. */
export interface DurationFigures {
  /** For each bound in milliseconds, how many took at most so long. */
  readonly buckets: readonly (readonly [mostMs: number, count: number])[]
  readonly count: number
  readonly sumMs: number
}

/** The statistics of presence of a channel layer in this process: the same as `PresenceStats` of `tideway/layer`. */
export interface PresenceFigures {
  readonly members: number
  readonly groups: number
  readonly watched: number
  readonly entered: number
  readonly left: number
  readonly waitingLeft: number
  readonly diffs: number
  readonly deadProcesses: number
  readonly lostLeases: number
  readonly failedBeats: number
}

/** The statistics of the kept groups of a channel layer in this process: the same as `KeptGroupsStats` of `tideway/layer`. */
export interface KeptGroupsFigures {
  readonly published: number
  readonly duplicates: number
  readonly delivered: number
  readonly volatileDropped: number
  readonly foreign: number
  readonly resumes: Readonly<Record<string, number>>
  readonly resets: Readonly<Record<string, number>>
  readonly replayed: Readonly<Record<string, number>>
  readonly epochs: number
  readonly reads: number
  readonly repairs: number
  readonly repaired: number
  readonly sweepFindings: number
  readonly groups: number
  readonly followers: number
  readonly lagging: number
  readonly worstLag: number
  readonly ringBytes: number
  readonly publishTimes: DurationFigures
  readonly readTimes: DurationFigures
  readonly catchUpTimes: DurationFigures
  /** `undefined` for a log without presence. */
  readonly presence?: PresenceFigures | undefined
}

/** The statistics of a channel layer in this process: the same as `ChannelLayerStats` of `tideway/layer`. */
export interface ChannelLayerFigures {
  readonly delivered: number
  readonly dropped: Readonly<Record<string, number>>
  readonly channels: number
  readonly groups: number
  readonly waitingSends: number
  readonly reconnects: number
  readonly gaps: number
  readonly beaconMisses: number
  /** `undefined` for a layer without kept groups. */
  readonly keptGroups?: KeptGroupsFigures | undefined
}

/**
 * The statistics of a server in this process. Counters start at the start of the server; `open` and `running` are current values.
 */
export interface ServerStats {
  /** `draining` from the start of `close()`, `closed` at its end. */
  readonly state: 'serving' | 'draining' | 'closed'
  readonly uptimeMs: number
  /** Connections of TCP and Unix sockets. */
  readonly sockets: {
    readonly open: number
    readonly total: number
    /** Connections that were destroyed because they sent no byte for `sendTimeoutMs`. */
    readonly sendTimeouts: number
  }
  /** The bytes that the server keeps for its clients: unsent bytes, and received bytes that the application has not read. */
  readonly buffers: {
    /** The value at the last check, at most one second ago. */
    readonly bytes: number
    /** Connections that were destroyed because all together had more than `maxBufferedBytesTotal`. */
    readonly closed: number
  }
  /** Opening handshakes of WebSockets. */
  readonly handshakes: {
    readonly total: number
    readonly accepted: number
    readonly refused: Readonly<Record<RefusalReason, number>>
  }
  readonly webSockets: {
    /** From the handshake to the end of the application. */
    readonly open: number
    /** Accepted connections that have ended, by close code; 1006 for lost ones. */
    readonly closed: Readonly<Record<number, number>>
    readonly received: TrafficFigures
    readonly sent: TrafficFigures
    readonly pings: {
      readonly sent: number
      readonly received: number
      /** Received pongs, including those without a ping of the server. */
      readonly pongs: number
      /** Connections that were destroyed because no pong arrived within `pingTimeoutMs`. */
      readonly timeouts: number
    }
    readonly slowConsumers: {
      /** Connections that were closed with 1013. */
      readonly closed: number
      /** Messages that were dropped under the policy `drop`. */
      readonly droppedMessages: number
    }
    /** Events that the application sent on ended connections, without effect. */
    readonly sendsAfterEnd: number
    readonly compression: { readonly sent: CompressionFigures; readonly received: CompressionFigures }
  }
  /** HTTP requests, without handshakes. All are 0 for `attach()` to a server that already has a request listener. */
  readonly requests: {
    readonly running: number
    readonly total: number
    /** Complete responses, by class of status. */
    readonly responses: Readonly<Record<'1xx' | '2xx' | '3xx' | '4xx' | '5xx', number>>
    /** Requests whose connection ended before the response was complete. */
    readonly aborted: number
    /** Events that the application sent after the response was complete or the client had disconnected, without effect. */
    readonly sendsAfterEnd: number
  }
  /** By their alias in `defineApplication`. */
  readonly channelLayers: Readonly<Record<string, ChannelLayerFigures>>
  /** The delay of the event loop in the last complete window of ten seconds, or since the start during the first one. */
  readonly eventLoopDelay: EventLoopDelayFigures
}
