import type { Send } from '../asgi/application.ts'
import type { WebSocketSendEvent } from '../asgi/websocket-events.ts'
import { TidewayError } from '../errors/tideway-error.ts'
import type { VerifiedToken } from './token.ts'

/** The code that a connection is closed with when what let it in has ended: get a new token and connect again. */
export const unauthorizedCloseCode = 4401

/** What a timer can wait for at most, in milliseconds. */
const MAX_DELAY_MS = 2 ** 31 - 1

/** Closes with 4401, from a timer: a connection that ended in the same moment for another reason is closed already. */
export async function closeUnauthorized(send: Send<WebSocketSendEvent>, reason: string): Promise<void> {
  try {
    await send({ type: 'websocket.close', code: unauthorizedCloseCode, reason })
  } catch (error) {
    if (!(error instanceof TidewayError)) throw error
  }
}

/** Runs a WebSocket application, and closes its connection with 4401 when the token ends. */
export async function closeWhenExpired(
  token: VerifiedToken | undefined,
  send: Send<WebSocketSendEvent>,
  run: () => Promise<void>,
): Promise<void> {
  if (token?.expiresAt === undefined) return run()
  const { expiresAt } = token
  let timer: NodeJS.Timeout
  const wait = (): void => {
    const left = expiresAt - Date.now()
    timer = setTimeout(
      () => (left > MAX_DELAY_MS ? wait() : void closeUnauthorized(send, 'token expired')),
      Math.min(Math.max(left, 0), MAX_DELAY_MS),
    )
  }
  wait()
  try {
    await run()
  } finally {
    clearTimeout(timer!)
  }
}
