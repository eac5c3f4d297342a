export { attach, type Attachment } from './attach.ts'
export { fetchHandler, type FetchHandler } from './fetch-handler.ts'
export { nodeListener, type NodeListener, type NodeListenerApplication } from './node-listener.ts'
export {
  serverDefaults,
  type AttachOptions,
  type HttpOptions,
  type ResolvedOptions,
  type ServeOptions,
  type SlowConsumerPolicy,
  type WebSocketOptions,
} from './options.ts'
export { serve, type RunningServer } from './serve.ts'
export { compressionDefaults, type CompressionOptions } from './websocket/deflate/compression-options.ts'
