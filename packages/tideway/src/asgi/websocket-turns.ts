import { connectionClosedError } from '../errors/connection-closed.ts'
import { outOfTurn, unknownEvent } from '../errors/event-errors.ts'
import { TidewayError } from '../errors/tideway-error.ts'
import { closeCodes, isValidCloseCode } from './close-codes.ts'
import type { WebSocketCloseEvent, WebSocketMessageSendEvent, WebSocketSendEvent } from './websocket-events.ts'

/**
 * The events that a WebSocket application may send next:
 * - `connecting`: accept, close (403) or the start of a denial response.
 * - `denying`: the body of the denial response.
 * - `open`: messages, and one close.
 * - `closing`: none, since the application has closed.
 * - `ended`: none; the connection has ended.
 *
 * In the last two, a close has no effect: the client may have closed at the same time.
 */
export type WebSocketState = 'connecting' | 'denying' | 'open' | 'closing' | 'ended'

/** The longest close reason, in bytes of UTF-8 (RFC 6455 §5.5: 125 less the code). */
const MAX_REASON_BYTES = 123

/**
 * Returns the state after an event of the application. Returns the error for an event that the state does not allow, or that is
 * malformed; the caller throws it. The server and the communicators of `tideway/testing` follow these rules.
 *
 * It checks no header and no subprotocol: these depend on the handshake.
 */
export function nextWebSocketState(state: WebSocketState, event: WebSocketSendEvent): WebSocketState | TidewayError {
  const { type } = event
  switch (type) {
    case 'websocket.accept':
      return canAnswer(state, type) ?? 'open'
    case 'websocket.http.response.start':
      return canAnswer(state, type) ?? 'denying'
    case 'websocket.http.response.body':
      if (state === 'ended') return connectionClosedError()
      if (state !== 'denying') return outOfTurn(type, 'websocket.http.response.start comes first')
      return (event.moreBody ?? false) ? 'denying' : 'ended'
    case 'websocket.send':
      if (state === 'open') return isMessage(event) ? 'open' : malformedMessage()
      if (state === 'closing' || state === 'ended') return connectionClosedError()
      if (state === 'denying') return outOfTurn(type, 'a denial response has been started')
      return new TidewayError('ERR_OUT_OF_TURN', 'Call accept() before send(): the handshake is not complete.')
    case 'websocket.close':
      return malformedClose(event, state !== 'connecting') ?? afterClose(state)
    default:
      return unknownEvent(type)
  }
}

/** The error for a message that does not have exactly one of text and bytes. */
export function malformedMessage(): TidewayError {
  return new TidewayError('ERR_BAD_EVENT', 'websocket.send needs a string as text or a Uint8Array as bytes, not both.')
}

function canAnswer(state: WebSocketState, type: string): TidewayError | undefined {
  if (state === 'connecting') return undefined
  return state === 'ended' ? connectionClosedError() : outOfTurn(type, 'the handshake has been answered')
}

function afterClose(state: WebSocketState): WebSocketState | TidewayError {
  if (state === 'denying') return outOfTurn('websocket.close', 'a denial response has been started')
  // No close handshake follows a rejected handshake.
  if (state === 'connecting') return 'ended'
  return state === 'open' ? 'closing' : state
}

function isMessage({ text, bytes }: WebSocketMessageSendEvent): boolean {
  // Both names may be present, one of them as null (ASGI).
  if ((bytes ?? undefined) === undefined) return typeof text === 'string'
  return bytes instanceof Uint8Array && (text ?? undefined) === undefined
}

/** The error for a close that no frame can have. The reason of a close before the accept is for logs and may be longer. */
function malformedClose(
  { code = closeCodes.normal, reason = '' }: WebSocketCloseEvent,
  hasFrame: boolean,
): TidewayError | undefined {
  if (!isValidCloseCode(code)) {
    return new TidewayError(
      'ERR_BAD_EVENT',
      `${code} is not a code that a close frame may contain: use 1000 or 3000 to 4999.`,
    )
  }
  if (hasFrame && Buffer.byteLength(reason) > MAX_REASON_BYTES) {
    return new TidewayError('ERR_BAD_EVENT', `A close reason has at most ${MAX_REASON_BYTES} bytes of UTF-8.`)
  }
  return undefined
}
