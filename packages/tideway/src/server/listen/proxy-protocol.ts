import type { Logger } from '../../asgi/logger.ts'

/** How a connection begins on which a proxy speaks the PROXY protocol, by its version (its specification, §2.1 and §2.2). */
const signatures: readonly (readonly [version: number, bytes: Buffer])[] = [
  [1, Buffer.from('PROXY ')],
  [2, Buffer.from('\r\n\r\n\0\r\nQUIT\n')],
]

/**
 * Reports, once for each server, that a proxy speaks the PROXY protocol, which this server does not. The connection gets the 400 of
 * any request that cannot be read, so the operator would see nothing else.
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
      'A proxy sends the PROXY protocol, which this server does not speak, and gets 400: switch it off there (HAProxy: send-proxy, ' +
        'send-proxy-v2; nginx: proxy_protocol; AWS: proxy_protocol_v2 of the target group). A proxy that speaks HTTP names the client ' +
        'in X-Forwarded-For, see proxyHeaders.',
    )
  }
}
