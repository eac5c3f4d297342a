import { TidewayError } from './tideway-error.ts'

/** Makes the error for an event that the state of the connection does not allow. */
export function outOfTurn(type: string, why: string): TidewayError {
  return new TidewayError('ERR_OUT_OF_TURN', `${type} is out of turn: ${why}.`)
}

/** Makes the error for an event whose type the protocol does not have. */
export function unknownEvent(type: unknown): TidewayError {
  return new TidewayError('ERR_BAD_EVENT', `Unknown event "${String(type)}".`)
}
