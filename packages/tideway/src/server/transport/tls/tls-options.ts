/** How `serve()` speaks TLS: not at all without `tlsKey` and `tlsCert`. */
export interface TlsOptions {
  /**
   * The private key in PEM: the path of its file, or what would be in it. Its file is read again by
   * `reloadTls()`.
   * @default none
   */
  readonly tlsKey?: string | Uint8Array
  /** The certificate in PEM, with the intermediate ones behind it: the path of its file, or what would be in it. @default none */
  readonly tlsCert?: string | Uint8Array
  /**
   * Certificate authorities in PEM, by path or content: clients then need a certificate that one of them has signed, or
   * their connections are refused.
   * @default none
   */
  readonly tlsCa?: string | Uint8Array
  /** What `tlsKey` is encrypted with. The command line takes keys without one. @default none */
  readonly tlsPassphrase?: string
  /**
   * Whether clients may agree on HTTP/2 in their TLS handshake (ALPN), for requests and for WebSockets (RFC 8441); others
   * speak HTTP/1.1.
   * @default true
   */
  readonly http2?: boolean
}
