import type { Send } from '../asgi/application.ts'
import type { WebSocketSendEvent } from '../asgi/websocket-events.ts'
import { TidewayError } from '../errors/tideway-error.ts'
import type { VerifiedToken } from './token.ts'

/** The close code for a token or login that has expired: the client gets a new token and connects again. */
export const unauthorizedCloseCode = 4401

/**
 * The time between two reads of the clock while a token is valid. A timer alone does not notice that the clock was set forward or
 * that the machine was suspended.
 */
const CLOCK_CHECK_MS = 30_000

/** Closes the connection with 4401. Does nothing if it has ended already, since the caller is a timer. */
export async function closeUnauthorized(send: Send<WebSocketSendEvent>, reason: string): Promise<void> {
  try {
    await send({ type: 'websocket.close', code: unauthorizedCloseCode, reason })
  } catch (error) {
    if (!(error instanceof TidewayError)) throw error
  }
}

/**
 * Runs a WebSocket application, and closes its connection with 4401 when the token expires. A change of the clock is noticed within
 * 30 seconds. The connection never lasts longer than the lifetime that the token had left at the start.
 */
export async function closeWhenExpired(
  token: VerifiedToken | undefined,
  send: Send<WebSocketSendEvent>,
  run: () => Promise<void>,
): Promise<void> {
  if (token?.expiresAt === undefined) return run()
  const { expiresAt } = token
  // A monotonic clock, so that setting the system clock back does not extend the token.
  const endsAt = performance.now() + expiresAt - Date.now()
  const leftMs = (): number => Math.min(expiresAt - Date.now(), endsAt - performance.now())
  const check = (): void => {
    if (leftMs() <= 0) void closeUnauthorized(send, 'token expired')
    else timer = setTimeout(check, Math.min(leftMs(), CLOCK_CHECK_MS))
  }
  // In a timer, so that the client gets the close code of a token that expires during the handshake.
  let timer = setTimeout(check, Math.min(leftMs(), CLOCK_CHECK_MS))
  try {
    await run()
  } finally {
    clearTimeout(timer)
  }
}
