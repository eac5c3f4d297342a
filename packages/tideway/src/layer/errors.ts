import { TidewayError } from '../errors/tideway-error.ts'

/** The receiver of a channel is at its capacity: the message was not delivered. */
export class ChannelFullError extends TidewayError {
  override readonly name = 'ChannelFullError'
  readonly channel: string

  /** @param remedy the advice at the end of the message */
  constructor(channel: string, remedy = 'send less, receive faster, or raise its capacity') {
    super('ERR_CHANNEL_FULL', `Channel "${channel}" is full: ${remedy}.`)
    this.channel = channel
  }
}

/** A message is over the limit of the layer and was not sent. */
export class MessageTooLargeError extends TidewayError {
  override readonly name = 'MessageTooLargeError'
  readonly limitBytes: number

  constructor(limitBytes: number) {
    super(
      'ERR_MESSAGE_TOO_LARGE',
      `The message is over ${limitBytes} bytes: send a reference to the data instead, or raise maxMessageBytes.`,
    )
    this.limitBytes = limitBytes
  }
}

/** The error of a call after `close()`. */
export function layerClosed(): TidewayError {
  return new TidewayError('ERR_LAYER_CLOSED', 'The channel layer is closed: make a new one.')
}
