import type { Logger } from '../asgi/logger.ts'

/** Reports cookies that none of the secrets signed: one warning, since any client can send such a cookie. */
export class UnsignedCookies {
  readonly #message: string
  #isReported = false

  /** @param secret the option that holds the secrets, as it is written */
  constructor(cookieName: string, secret: string) {
    this.#message =
      `A session cookie (${cookieName}) came whose signature does not fit, so its visitor is anonymous. Another secret? ` +
      `Give ${secret} the secret of the program that sets this cookie.`
  }

  report(logger: Logger | undefined): void {
    if (this.#isReported || logger === undefined) return
    this.#isReported = true
    logger.warn({}, this.#message)
  }
}
