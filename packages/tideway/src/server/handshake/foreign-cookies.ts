import { adviseOrigin, describeHost, describeSender } from '../../asgi/foreign-page.ts'
import { isProduction } from '../../asgi/is-production.ts'
import { isOriginOfHost, originOf } from '../../asgi/origin.ts'
import type { WebSocketScope } from '../../asgi/scope.ts'
import type { RefusalLog } from './refusal-log.ts'
import type { HandshakeProblem } from './handshake-result.ts'

/**
 * The server's own check of the Origin, for an application that has none: a browser sends the cookies of its visitor with a
 * handshake that a page of any site asks for (RFC 6455 §10.2). Refuses such a handshake in production and warns elsewhere,
 * where pages often come from another port. Handshakes without a cookie or without an Origin carry no visitor's rights.
 */
export class ForeignCookies {
  readonly #log: RefusalLog
  readonly #refuses = isProduction()

  constructor(log: RefusalLog) {
    this.#log = log
  }

  /** Why the handshake is refused; `undefined`: it is not. */
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
    this.#log.warn(path, `Let in ${page}, which production refuses: ${cause}`)
    return undefined
  }
}
