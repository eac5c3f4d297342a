import { isProduction } from '../../asgi/is-production.ts'
import type { Logger } from '../../asgi/logger.ts'
import type { NoRouteError } from '../../asgi/no-route-error.ts'
import { OnceEach } from '../../asgi/once-each.ts'

/** Reports refused handshakes, once per cause, so that a client that retries does not fill the log. */
export class RefusalLog {
  readonly #logger: Logger
  readonly #reported = new OnceEach()
  /** Read once, not at each handshake. */
  readonly #isProduction = isProduction()

  constructor(logger: Logger) {
    this.#logger = logger
  }

  /** Logs a warning, once per message. */
  warn(path: string, message: string): void {
    if (this.#reported.isNew(message)) this.#logger.warn({ path }, message)
  }

  /** Logs a warning outside production, and a debug line in production: any client can cause it, and a developer has to see it. */
  warnDeveloper(path: string, message: string): void {
    if (this.#isProduction) this.#logger.debug({ path }, message)
    else this.warn(path, message)
  }

  /** Returns the message for the client: the reason outside production, the plain text in production. */
  answerOf(reason: string, plain: string): string {
    return this.#isProduction || reason === '' ? plain : reason
  }

  /** Describes a path without a route, with the probably intended route. */
  noRoute(error: NoRouteError): string {
    const suggestion = this.#isProduction ? undefined : error.suggestion
    return suggestion === undefined ? error.message : `${error.message} ${suggestion}`
  }
}
