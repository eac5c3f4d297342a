import { adviseOrigin, describeHost, describeSender } from '../../asgi/foreign-page.ts'
import { isProduction } from '../../asgi/is-production.ts'
import { isOriginOfHost, originOf } from '../../asgi/origin.ts'
import type { WebSocketScope } from '../../asgi/scope.ts'
import type { RefusalLog } from './refusal-log.ts'
import type { HandshakeProblem } from './handshake-result.ts'

/**
 * The server's own Origin check, for an application without one: a browser sends the cookies of its user with a handshake that a
 * page of any site starts (RFC 6455 §10.2). It refuses such a handshake in production. Elsewhere it warns, since pages in
 * development often come from another port. A handshake without a cookie or without an Origin has no authority of a user.
 */
export class ForeignCookies {
  readonly #log: RefusalLog
  readonly #refuses = isProduction()

  constructor(log: RefusalLog) {
    this.#log = log
  }

  /** Returns why the handshake is refused, or `undefined` if it is allowed. */
  problemOf({ headers, path }: WebSocketScope): HandshakeProblem | undefined {
    if (!headers.has('cookie') || !headers.has('origin')) return undefined
    const origin = originOf(headers)
    if (origin !== undefined && isOriginOfHost(origin, headers)) return undefined
    const page = `${describeSender(headers)} that sent cookies`
    const advice = adviseOrigin(headers, 'allowedHosts of allowedHostsOriginValidator', true)
    const cause = `${describeHost(headers)}, and the application has no origin validator. ${advice}`
    if (this.#refuses) {
      const message = `Refused ${page}: ${cause}`
      this.#log.warn(path, message)
      return { status: 403, message: 'Forbidden', headers: [], reason: message }
    }
    this.#log.warn(path, `Accepted ${page}, which production refuses: ${cause}`)
    return undefined
  }
}
