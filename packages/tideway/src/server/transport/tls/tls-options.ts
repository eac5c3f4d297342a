/** The TLS options of `serve()`. Without `tlsKey` and `tlsCert` the server does not speak TLS. */
export interface TlsOptions {
  /**
   * The private key in PEM: the path of its file, or its content. `reloadTls()` reads the file again.
   * @default none
   */
  readonly tlsKey?: string | Uint8Array
  /** The certificate in PEM, followed by the intermediate ones: the path of its file, or its content. @default none */
  readonly tlsCert?: string | Uint8Array
  /**
   * Certificate authorities in PEM, by path or content. The server then refuses clients without a certificate that one of them
   * has signed.
   * @default none
   */
  readonly tlsCa?: string | Uint8Array
  /** The passphrase of an encrypted `tlsKey`. The command line accepts unencrypted keys only. @default none */
  readonly tlsPassphrase?: string
  /**
   * The cipher suites of TLS 1.3 (`TLS_…`) and of TLS 1.2, by their names in OpenSSL, separated by colons.
   * @default those of Mozilla's intermediate configuration that use ECDHE
   */
  readonly tlsCiphers?: string
  /**
   * Whether clients may negotiate HTTP/2 in their TLS handshake (ALPN), for requests and for WebSockets (RFC 8441). Other clients
   * speak HTTP/1.1.
   * @default true
   */
  readonly http2?: boolean
}

/**
 * Mozilla's intermediate configuration (Server Side TLS 5.7) without finite-field Diffie-Hellman: each has forward secrecy and
 * authenticated encryption.
 */
export const DEFAULT_TLS_CIPHERS: string = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':')
