/** A message taken from a named channel: what a worker's consumer is given. */
export interface ChannelReceiveEvent {
  readonly type: string
  readonly [key: string]: unknown
}

/** A worker's consumer has nobody to send to. */
export type ChannelSendEvent = never
