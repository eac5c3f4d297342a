/** A message of a named channel, as a worker's consumer receives it. */
export interface ChannelReceiveEvent {
  readonly type: string
  readonly [key: string]: unknown
}

/**
 * The event that a worker sends an application after its one message: the job is done as soon as the message is handled. It is
 * recognised by identity and not by its type, because any message may have that type.
 */
export const jobEnd: ChannelReceiveEvent = Object.freeze({ type: 'job.end' })

/** A worker's consumer sends no events. */
export type ChannelSendEvent = never

/** Whether the event is the end of a job: a single object, because a message may have any type. */
export function isJobEnd(event: object): boolean {
  return event === jobEnd
}
