import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Application } from '../../asgi/application.ts'
import type { NodeListener } from '../http/node-listener.ts'
import type { CompressionCounters } from '../websocket/deflate/compression-counters.ts'
import { EventLoopDelay } from './event-loop-delay.ts'
import { ServerCounters } from './server-counters.ts'
import type { ChannelLayerFigures, ServerStats } from './server-stats.ts'

/** Figures that other parts of the server keep, read when `stats()` is called. */
export interface Observed {
  readonly state: ServerStats['state']
  readonly sockets: ServerStats['sockets']
  readonly buffers: ServerStats['buffers']
  readonly openWebSockets: number
  readonly compression: CompressionCounters | undefined
}

/** An application of `defineApplication`. */
interface ExposingLayers {
  readonly channelLayers?: Readonly<Record<string, { stats(): ChannelLayerFigures }>>
}

/** Counts the requests of one server and makes its statistics. */
export class ServerObserver {
  readonly counters: ServerCounters = new ServerCounters()
  /** The responses that have not ended. */
  readonly running: Set<ServerResponse> = new Set()
  readonly #startedAt = performance.now()
  readonly #eventLoopDelay = new EventLoopDelay()
  readonly #layers: NonNullable<ExposingLayers['channelLayers']>

  /** @param application its channel layers, if it exposes them, are part of the statistics */
  constructor(application: Application) {
    this.#layers = (application as ExposingLayers).channelLayers ?? {}
  }

  /** Wraps a listener so that its requests are counted. */
  listener(inner: NodeListener): NodeListener {
    const { counters, running } = this
    // One function for all responses.
    function onClose(this: ServerResponse): void {
      running.delete(this)
      if (isWhole(this)) counters.responses[firstDigit(this.statusCode)]++
      else counters.requestsAborted++
    }
    return (request: IncomingMessage, response: ServerResponse) => {
      counters.requests++
      running.add(response)
      response.on('close', onClose)
      inner(request, response)
    }
  }

  stats({ state, sockets, buffers, openWebSockets, compression }: Observed): ServerStats {
    const { counters, running } = this
    const [, informational, successful, redirections, clientErrors, serverErrors] = counters.responses
    return {
      state,
      uptimeMs: performance.now() - this.#startedAt,
      sockets,
      buffers,
      handshakes: { total: counters.handshakes, accepted: counters.accepted, refused: { ...counters.refused } },
      webSockets: {
        open: openWebSockets,
        closed: Object.fromEntries(counters.closed),
        received: {
          text: { messages: counters.textsReceived, bytes: counters.textBytesReceived },
          binary: { messages: counters.binariesReceived, bytes: counters.binaryBytesReceived },
          wireBytes: counters.wireBytesReceived,
        },
        sent: {
          text: { messages: counters.textsSent, bytes: counters.textBytesSent },
          binary: { messages: counters.binariesSent, bytes: counters.binaryBytesSent },
          wireBytes: counters.wireBytesSent,
        },
        pings: {
          sent: counters.pingsSent,
          received: counters.pingsReceived,
          pongs: counters.pongsReceived,
          timeouts: counters.pingTimeouts,
        },
        sendsAfterEnd: counters.webSocketSendsAfterEnd,
        slowConsumers: { closed: counters.slowClosed, droppedMessages: counters.messagesDropped },
        compression: {
          sent: { ...(compression?.sent ?? nothingCompressed) },
          received: { ...(compression?.received ?? nothingCompressed) },
        },
      },
      requests: {
        running: running.size,
        total: counters.requests,
        responses: {
          '1xx': informational,
          '2xx': successful,
          '3xx': redirections,
          '4xx': clientErrors,
          '5xx': serverErrors,
        },
        aborted: counters.requestsAborted,
        sendsAfterEnd: counters.httpSendsAfterEnd,
      },
      channelLayers: Object.fromEntries(Object.entries(this.#layers).map(([alias, layer]) => [alias, layer.stats()])),
      eventLoopDelay: this.#eventLoopDelay.figures,
    }
  }

  /** Stops measuring the delay of the event loop. */
  stop(): void {
    this.#eventLoopDelay.stop()
  }
}

const nothingCompressed = { messages: 0, plainBytes: 0, compressedBytes: 0 }

/** A response of Node's own HTTP/2 classes has no `writableFinished`. It shows only whether the application has ended it. */
function isWhole(response: ServerResponse): boolean {
  return (response as Partial<ServerResponse>).writableFinished ?? response.writableEnded
}

function firstDigit(status: number): 1 | 2 | 3 | 4 | 5 {
  // HTTP defines statuses up to 599. Higher ones count as 5xx.
  return Math.min(5, Math.max(1, Math.floor(status / 100))) as 1 | 2 | 3 | 4 | 5
}
