/**
 * The server: HTTP/1.1, HTTP/2 and WebSocket. It listens itself or is attached to a server of Node.
 * @module tideway/server
 */

export type { AccessEntry, AccessLog, HttpAccess, WebSocketAccess } from './observe/access-log/access-entry.ts'
export { commonLogLine, jsonLogLine } from './observe/access-log/log-line.ts'
export { attach, type Attachment, type DrainChoice } from './attach.ts'
export { fetchHandler, type FetchHandler } from './http/fetch-handler.ts'
export type { LimitOptions, RequestLimitOptions } from './limits/limit-options.ts'
export type {
  DescriptorTarget,
  ListenTarget,
  ServerAddress,
  TcpAddress,
  TcpTarget,
  UnixAddress,
  UnixTarget,
} from './listen/listen-target.ts'
export { systemdSockets } from './listen/systemd-sockets.ts'
export { nodeListener, type NodeListener } from './http/node-listener.ts'
export { scopeOf } from './http/scope-of.ts'
export type { InspectorOptions } from './inspector/inspector-options.ts'
export { serveClusterMetrics, type ClusterMetricsOptions } from './metrics/cluster-metrics.ts'
export type { MetricsOptions } from './metrics/metrics-options.ts'
export type { OperationsServer } from './metrics/operations-server.ts'
export {
  registerMetrics,
  type MetricsRegistry,
  type RegisterMetricsOptions,
  type WithStats,
} from './metrics/register-metrics.ts'
export type { EventLoopDelayFigures } from './observe/event-loop-delay.ts'
export type { RefusalReason } from './handshake/refusal-reason.ts'
export type {
  ChannelLayerFigures,
  DurationFigures,
  KeptGroupsFigures,
  PresenceFigures,
  CompressionFigures,
  MessageFigures,
  ServerStats,
  TrafficFigures,
} from './observe/server-stats.ts'
export {
  serverDefaults,
  type AttachOptions,
  type DrainingOptions,
  type ResolvedOptions,
  type ServeOptions,
  type SharedServerOptions,
} from './options.ts'
export { serve, type CloseOptions, type RunningServer } from './serve.ts'
export type { TlsExtension } from './transport/tls/tls-extension.ts'
export type { TlsOptions } from './transport/tls/tls-options.ts'
export { compressionDefaults, type CompressionOptions } from './websocket/deflate/compression-options.ts'
export type { SlowConsumerPolicy, WebSocketOptions } from './websocket/websocket-options.ts'
export type { HttpOptions } from './http/http-options.ts'
