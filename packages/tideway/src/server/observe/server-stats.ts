import type { EventLoopDelayFigures } from './event-loop-delay.ts'
import type { RefusalReason } from '../handshake/refusal-reason.ts'

/** Messages of one kind in one direction. */
export interface MessageFigures {
  readonly messages: number
  /** Of their payloads as they went over the wire: without the headers of their frames, and compressed if they were. */
  readonly bytes: number
}

/** One direction of all WebSockets. */
export interface TrafficFigures {
  readonly text: MessageFigures
  readonly binary: MessageFigures
  /** Everything behind the handshakes: headers of frames, pings and closes too. Not what TLS and TCP add. */
  readonly wireBytes: number
}

/** What was compressed in one direction. A message for a whole group is compressed, and counted, once. */
export interface CompressionFigures {
  readonly messages: number
  /** As the application sees them. */
  readonly plainBytes: number
  /** `compressedBytes / plainBytes` says what compression is worth. */
  readonly compressedBytes: number
}

/** What a channel layer has done in this process; the same as `ChannelLayerStats` of `tideway/layer`. */
export interface ChannelLayerFigures {
  readonly delivered: number
  readonly dropped: Readonly<Record<string, number>>
  readonly channels: number
  readonly groups: number
  readonly reconnects: number
  readonly gaps: number
}

/**
 * What a server did since it was started, in this process. Numbers that only grow are counted from its start; `open` and
 * `running` are of now.
 */
export interface ServerStats {
  /** `draining` from the beginning of `close()`, `closed` at its end. */
  readonly state: 'serving' | 'draining' | 'closed'
  readonly uptimeMs: number
  /** TCP connections, and those of Unix sockets. */
  readonly sockets: {
    readonly open: number
    readonly total: number
    /** Connections that were destroyed because nothing was sent on them for `sendTimeoutMs`. */
    readonly sendTimeouts: number
  }
  /** What the server keeps for its clients: unsent bytes, and bytes that came and were not read by the application. */
  readonly buffers: {
    /** A second ago at most. */
    readonly bytes: number
    /** Connections that were destroyed because all together held more than `maxBufferedBytesTotal`. */
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
    /** Those that had been accepted, by close code; 1006 for those that were lost. */
    readonly closed: Readonly<Record<number, number>>
    readonly received: TrafficFigures
    readonly sent: TrafficFigures
    readonly pings: {
      readonly sent: number
      readonly received: number
      /** Pongs that came; a client may send some that nobody asked for. */
      readonly pongs: number
      /** Connections that were cut because no answer came within `pingTimeoutMs`. */
      readonly timeouts: number
    }
    readonly slowConsumers: {
      /** Connections that were closed with 1013. */
      readonly closed: number
      /** Messages that were left out under the policy `drop`. */
      readonly droppedMessages: number
    }
    /** Events that the application sent on connections that had ended, and that had no effect. */
    readonly sendsAfterEnd: number
    readonly compression: { readonly sent: CompressionFigures; readonly received: CompressionFigures }
  }
  /** HTTP requests; handshakes are not among them. Of an `attach()` beside a listener of somebody else: none. */
  readonly requests: {
    readonly running: number
    readonly total: number
    /** By class of status: of responses that went out whole. */
    readonly responses: Readonly<Record<'1xx' | '2xx' | '3xx' | '4xx' | '5xx', number>>
    /** Clients that went away, or were cut off, before their response was complete. */
    readonly aborted: number
    /** Events that the application sent when the response was complete or the client was gone, and that had no effect. */
    readonly sendsAfterEnd: number
  }
  /** By the alias that `defineApplication` gave them. */
  readonly channelLayers: Readonly<Record<string, ChannelLayerFigures>>
  /** How late the event loop was, in the last whole ten seconds; in the first ten, since the start. */
  readonly eventLoopDelay: EventLoopDelayFigures
}
