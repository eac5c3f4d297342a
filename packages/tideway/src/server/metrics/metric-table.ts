import type { ServerStats } from '../observe/server-stats.ts'
import { keptGroupMetrics } from './kept-group-metrics.ts'
import { presenceMetrics } from './presence-metrics.ts'
import { ofLayers, ofLayersBy } from './layer-metric.ts'
import type { Metric } from './metric.ts'

/** Names and units follow https://prometheus.io/docs/practices/naming/. */
export const metrics: readonly Metric[] = [
  one('gauge', 'draining', 'Servers that are closing their connections.', (s) => (s.state === 'draining' ? 1 : 0)),
  one('gauge', 'sockets_open', 'Connections of TCP and Unix sockets.', (s) => s.sockets.open),
  one('counter', 'sockets_total', 'Accepted connections of TCP and Unix sockets.', (s) => s.sockets.total),
  one(
    'counter',
    'socket_send_timeouts_total',
    'Connections that were destroyed because their client did not read.',
    (s) => s.sockets.sendTimeouts,
  ),
  one('gauge', 'buffered_bytes', 'Bytes that the server keeps for clients.', (s) => s.buffers.bytes),
  one(
    'counter',
    'buffered_bytes_closed_total',
    'Connections that were destroyed because the server kept too many bytes.',
    (s) => s.buffers.closed,
  ),
  {
    name: 'websocket_handshakes_total',
    help: 'Completed opening handshakes, by outcome.',
    type: 'counter',
    labelNames: ['outcome'],
    *read({ handshakes: { accepted, refused } }) {
      yield [{ outcome: 'accepted' }, accepted]
      for (const [reason, count] of Object.entries(refused)) yield [{ outcome: snakeCase(reason) }, count]
    },
  },
  one(
    'gauge',
    'websockets_open',
    'WebSockets, from the handshake to the end of the application.',
    (s) => s.webSockets.open,
  ),
  {
    name: 'websockets_closed_total',
    help: 'Ended WebSockets, by close code; the codes of applications (3000 to 4999) by thousands.',
    type: 'counter',
    labelNames: ['code'],
    *read({ webSockets }) {
      const counts = new Map<string, number>()
      for (const [code, count] of Object.entries(webSockets.closed)) {
        const label = closeCodeLabel(code)
        counts.set(label, (counts.get(label) ?? 0) + count)
      }
      for (const [code, count] of counts) yield [{ code }, count]
    },
  },
  byDirectionAndType('websocket_messages_total', 'Messages of WebSockets.', 'messages'),
  byDirectionAndType('websocket_payload_bytes_total', 'Bytes of message payloads on the wire.', 'bytes'),
  byDirection('websocket_wire_bytes_total', 'All bytes of frames.', ({ webSockets: { received, sent } }) => [
    received.wireBytes,
    sent.wireBytes,
  ]),
  byDirection('websocket_pings_total', 'Pings.', ({ webSockets: { pings } }) => [pings.received, pings.sent]),
  one(
    'counter',
    'websocket_ping_timeouts_total',
    'WebSockets that were destroyed because no pong arrived.',
    (s) => s.webSockets.pings.timeouts,
  ),
  one(
    'counter',
    'websocket_slow_consumers_closed_total',
    'WebSockets that were closed because their client did not read.',
    (s) => s.webSockets.slowConsumers.closed,
  ),
  one(
    'counter',
    'websocket_messages_dropped_total',
    'Messages that were dropped for clients that did not read.',
    (s) => s.webSockets.slowConsumers.droppedMessages,
  ),
  one(
    'counter',
    'websocket_sends_after_end_total',
    'Events that the application sent on ended WebSockets.',
    (s) => s.webSockets.sendsAfterEnd,
  ),
  byDirection(
    'websocket_compression_plain_bytes_total',
    'Bytes of compressed messages before compression.',
    ({ webSockets: { compression } }) => [compression.received.plainBytes, compression.sent.plainBytes],
  ),
  byDirection(
    'websocket_compression_compressed_bytes_total',
    'Bytes of compressed messages after compression.',
    ({ webSockets: { compression } }) => [compression.received.compressedBytes, compression.sent.compressedBytes],
  ),
  one('gauge', 'http_requests_running', 'Requests whose response is not complete.', (s) => s.requests.running),
  {
    name: 'http_requests_total',
    help: 'Completed requests, by class of status; "aborted" if the client disconnected before.',
    type: 'counter',
    labelNames: ['status'],
    *read({ requests: { responses, aborted } }) {
      for (const [status, count] of Object.entries(responses)) yield [{ status }, count]
      yield [{ status: 'aborted' }, aborted]
    },
  },
  one(
    'counter',
    'http_sends_after_end_total',
    'Events that the application sent after the end of a response.',
    (s) => s.requests.sendsAfterEnd,
  ),
  ofLayers(
    'counter',
    'channel_layer_delivered_total',
    'Messages delivered to receivers in this process.',
    (layer) => layer.delivered,
  ),
  ofLayersBy(
    'reason',
    'channel_layer_dropped_total',
    'Messages of a channel layer that were dropped, by reason.',
    (layer) => layer.dropped,
  ),
  ofLayers('gauge', 'channel_layer_channels', 'Channels of this process.', (layer) => layer.channels),
  ofLayers('gauge', 'channel_layer_groups', 'Groups with a member in this process.', (layer) => layer.groups),
  ofLayers(
    'gauge',
    'channel_layer_waiting_sends',
    'Sends of this process that are not yet handed to their receivers.',
    (layer) => layer.waitingSends,
  ),
  ofLayers(
    'counter',
    'channel_layer_reconnects_total',
    'Reconnections to the backend of the channel layer.',
    (layer) => layer.reconnects,
  ),
  ofLayers(
    'counter',
    'channel_layer_beacon_misses_total',
    'Subscriber connections that answered and delivered nothing, and were replaced.',
    (layer) => layer.beaconMisses,
  ),
  ofLayers(
    'counter',
    'channel_layer_gaps_total',
    'How often the layer reported that members of groups missed messages.',
    (layer) => layer.gaps,
  ),
  ...keptGroupMetrics,
  ...presenceMetrics,
]

function one(type: Metric['type'], name: string, help: string, valueOf: (stats: ServerStats) => number): Metric {
  return { name, help, type, read: (stats) => [[{}, valueOf(stats)]] }
}

function byDirection(
  name: string,
  help: string,
  valuesOf: (stats: ServerStats) => readonly [received: number, sent: number],
): Metric {
  const labelNames = ['direction']
  return {
    name,
    help,
    type: 'counter',
    labelNames,
    *read(stats) {
      const [received, sent] = valuesOf(stats)
      yield [{ direction: 'received' }, received]
      yield [{ direction: 'sent' }, sent]
    },
  }
}

function byDirectionAndType(name: string, help: string, figure: 'messages' | 'bytes'): Metric {
  return {
    name,
    help,
    type: 'counter',
    labelNames: ['direction', 'type'],
    *read({ webSockets }) {
      for (const direction of ['received', 'sent'] as const) {
        for (const type of ['text', 'binary'] as const) yield [{ direction, type }, webSockets[direction][type][figure]]
      }
    },
  }
}

/** A client may send any of two thousand codes, and each would be a separate time series. `stats()` has all codes. */
function closeCodeLabel(code: string): string {
  return /^[34]\d{3}$/.test(code) ? `${code[0]}xxx` : code
}

function snakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}
