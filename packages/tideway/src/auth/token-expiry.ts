import type { Send } from '../asgi/application.ts'
import type { WebSocketSendEvent } from '../asgi/websocket-events.ts'
import { TidewayError } from '../errors/tideway-error.ts'
import type { VerifiedToken } from './token.ts'

/** The code that a connection is closed with when what let it in has ended: get a new token and connect again. */
export const unauthorizedCloseCode = 4401

/**
 * How often the clock is read while a token is valid. A timer alone does not notice a clock that was set forward, nor the time
 * that a machine was suspended.
 */
const CLOCK_CHECK_MS = 30_000

/** Closes with 4401, from a timer: a connection that ended in the same moment for another reason is closed already. */
export async function closeUnauthorized(send: Send<WebSocketSendEvent>, reason: string): Promise<void> {
  try {
    await send({ type: 'websocket.close', code: unauthorizedCloseCode, reason })
  } catch (error) {
    if (!(error instanceof TidewayError)) throw error
  }
}

/**
 * Runs a WebSocket application, and closes its connection with 4401 when the token ends: by the clock, within 30 seconds of
 * a change of it, and never later than the token had left at the start.
 */
export async function closeWhenExpired(
  token: VerifiedToken | undefined,
  send: Send<WebSocketSendEvent>,
  run: () => Promise<void>,
): Promise<void> {
  if (token?.expiresAt === undefined) return run()
  const { expiresAt } = token
  // Steady, so that a clock that is set back makes no token live longer.
  const endsAt = performance.now() + expiresAt - Date.now()
  const leftMs = (): number => Math.min(expiresAt - Date.now(), endsAt - performance.now())
  const check = (): void => {
    if (leftMs() <= 0) void closeUnauthorized(send, 'token expired')
    else timer = setTimeout(check, Math.min(leftMs(), CLOCK_CHECK_MS))
  }
  // Not at once, so that a token that ends during the handshake is told by the close code.
  let timer = setTimeout(check, Math.min(leftMs(), CLOCK_CHECK_MS))
  try {
    await run()
  } finally {
    clearTimeout(timer)
  }
}
