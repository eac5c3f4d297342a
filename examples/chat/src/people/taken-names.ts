import type { Application, Authenticated, WebSocketScope } from 'tideway'
import { wrapApplication } from 'tideway/asgi'
import type { Revocations } from 'tideway/auth'

import { folded } from './names.ts'

/** The close code of a guest whose name belongs to an account now. Clients reconnect after it, and have no name then. */
const NAME_TAKEN = 4009

/** Middleware: closes the connection of a guest when an account takes its name, in any process. */
export function closeTakenNames<S extends WebSocketScope & Authenticated>(
  inner: Application<S>,
  revocations: Revocations,
): Application<S> {
  const application: Application<S> = async function closeTakenNames(scope, receive, send) {
    const { username, isAuthenticated } = scope.user
    if (isAuthenticated || username === '') return inner(scope, receive, send)
    const unregister = await revocations.register(guestId(username), () => {
      const closing = send({ type: 'websocket.close', code: NAME_TAKEN, reason: 'name taken' })
      // The connection may end at the same time.
      closing?.catch(() => {})
    })
    try {
      await inner(scope, receive, send)
    } finally {
      unregister()
    }
  }
  return wrapApplication(inner, application)
}

/** Closes the connections of the guests with this name. */
export async function takeName(revocations: Revocations, name: string): Promise<void> {
  // If the layer is down, guests of other processes keep the name until they reconnect.
  await revocations.revoke(guestId(name)).catch(() => {})
}

/** The id of the guests with a name in the revocations. The id of an account is a number. */
function guestId(name: string): string {
  return `guest ${folded(name)}`
}
