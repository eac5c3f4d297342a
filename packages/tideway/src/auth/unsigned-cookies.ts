import type { Logger } from '../asgi/logger.ts'

/** Reports cookies that none of the secrets signed. Warns only once, because every client can send such a cookie. */
export class UnsignedCookies {
  readonly #message: string
  #isReported = false

  /** @param secret the option with the secrets, as the application writes it */
  constructor(cookieName: string, secret: string) {
    this.#message =
      `The signature of a session cookie (${cookieName}) does not match, so its client is anonymous. Another secret? ` +
      `Give ${secret} the secret of the program that sets this cookie.`
  }

  report(logger: Logger | undefined): void {
    if (this.#isReported || logger === undefined) return
    this.#isReported = true
    logger.warn({}, this.#message)
  }
}
