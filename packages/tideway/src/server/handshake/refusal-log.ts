import { isProduction } from '../../asgi/is-production.ts'
import type { Logger } from '../../asgi/logger.ts'
import type { NoRouteError } from '../../asgi/no-route-error.ts'
import { OnceEach } from '../../asgi/once-each.ts'

/** Reports refused handshakes: a line for each cause, so that a client that tries again does not fill the log. */
export class RefusalLog {
  readonly #logger: Logger
  readonly #reported = new OnceEach()
  /** Read once: a handshake should not ask the environment. */
  readonly #isProduction = isProduction()

  constructor(logger: Logger) {
    this.#logger = logger
  }

  /** A warning, once for each cause. */
  warn(path: string, message: string): void {
    if (this.#reported.isNew(message)) this.#logger.warn({ path }, message)
  }

  /** A warning outside production: what a developer has to see, and what any client can cause. */
  warnDeveloper(path: string, message: string): void {
    if (this.#isProduction) this.#logger.debug({ path }, message)
    else this.warn(path, message)
  }

  /** What the client is told: the reason outside production, in production the plain text. */
  answerOf(reason: string, plain: string): string {
    return this.#isProduction || reason === '' ? plain : reason
  }

  /** What is wrong with the path, with the route that was probably meant. */
  noRoute(error: NoRouteError): string {
    const suggestion = this.#isProduction ? undefined : error.suggestion
    return suggestion === undefined ? error.message : `${error.message} ${suggestion}`
  }
}
