/** A message taken from a named channel: what a worker's consumer is given. */
export interface ChannelReceiveEvent {
  readonly type: string
  readonly [key: string]: unknown
}

/**
 * What a worker gives an application after its one message: the job is done when what handles the message is. Known by
 * itself and not by its type, which any message might have.
 */
export const jobEnd: ChannelReceiveEvent = Object.freeze({ type: 'job.end' })

/** A worker's consumer has nobody to send to. */
export type ChannelSendEvent = never
