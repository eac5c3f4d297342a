import type { Logger } from '../../asgi/logger.ts'

/** The first bytes of a connection with the PROXY protocol, by version (its specification, §2.1 and §2.2). */
const signatures: readonly (readonly [version: number, bytes: Buffer])[] = [
  [1, Buffer.from('PROXY ')],
  [2, Buffer.from('\r\n\r\n\0\r\nQUIT\n')],
]

/**
 * Reports once per server that a proxy uses the PROXY protocol, which this server does not support. The connection gets the 400 of any
 * invalid request, which alone would not show the cause to the operator.
 */
export class ProxyProtocolReport {
  readonly #logger: Logger
  #isReported = false

  constructor(logger: Logger) {
    this.#logger = logger
  }

  /** @param chunk the first bytes of a connection */
  look(chunk: Buffer): void {
    if (this.#isReported) return
    const found = signatures.find(([, bytes]) => chunk.subarray(0, bytes.length).equals(bytes))
    if (found === undefined) return
    this.#isReported = true
    this.#logger.warn(
      { version: found[0] },
      'A proxy sends the PROXY protocol, which this server does not support, and gets 400: disable it in the proxy (HAProxy: send-proxy, ' +
        'send-proxy-v2; nginx: proxy_protocol; AWS: proxy_protocol_v2 of the target group). An HTTP proxy sends the client address ' +
        'in X-Forwarded-For, see proxyHeaders.',
    )
  }
}
