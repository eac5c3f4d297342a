import { closeCodes, isValidCloseCode } from '../../asgi/close-codes.ts'
import type { WebSocketCloseEvent } from '../../asgi/websocket-events.ts'
import { TidewayError } from '../../errors/tideway-error.ts'

/** The longest close reason, in bytes of UTF-8 (RFC 6455 §5.5: 125 less the code). */
const MAX_REASON_BYTES = 123

/**
 * Rejects a close that no frame can have. The reason of a close before the accept is for logs and may be longer.
 * @throws TidewayError `ERR_BAD_EVENT`
 */
export function requireClose({ code = closeCodes.normal, reason = '' }: WebSocketCloseEvent, hasFrame: boolean): void {
  if (!isValidCloseCode(code)) {
    throw new TidewayError(
      'ERR_BAD_EVENT',
      `${code} is no code that a close frame may carry: use 1000 or 3000 to 4999.`,
    )
  }
  if (hasFrame && Buffer.byteLength(reason) > MAX_REASON_BYTES) {
    throw new TidewayError('ERR_BAD_EVENT', `A close reason has at most ${MAX_REASON_BYTES} bytes of UTF-8.`)
  }
}
