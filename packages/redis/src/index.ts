export type { MessageCodecOptions } from './message-codec.ts'
export type { MessageSerializer } from './serializer.ts'
