import { X509Certificate } from 'node:crypto'
import type { DetailedPeerCertificate, TLSSocket } from 'node:tls'
import { hiddenField } from '../../../errors/hidden-field.ts'

/**
 * The `tls` extension of a scope (ASGI TLS extension 0.2, in camelCase). Each property is computed when it is read.
 */
export interface TlsExtension {
  /** The certificate of the server, in PEM. */
  readonly serverCert: string | undefined
  /** The chain of the client in PEM, its own certificate first; empty if the server did not ask for one or the client sent none. */
  readonly clientCertChain: readonly string[]
  /** The subject of the client's certificate (RFC 4514): `CN=anna,O=Example`. */
  readonly clientCertName: string | undefined
  /** Why the client's certificate is not trusted; `undefined` if it is trusted or the client sent none. */
  readonly clientCertError: string | undefined
  /** As on the wire: `0x0304` is TLS 1.3. */
  readonly tlsVersion: number | undefined
  /** As on the wire (RFC 8446 §B.4): `0x1301` is TLS_AES_128_GCM_SHA256. `undefined` for a suite outside Node's default list. */
  readonly cipherSuite: number | undefined
}

const extensions = hiddenField<TLSSocket, TlsExtension>()

/** Returns the extension that all scopes of a TLS connection share. */
export function tlsExtension(socket: TLSSocket): TlsExtension {
  let extension = extensions.get(socket)
  if (extension === undefined) {
    extension = new SocketExtension(socket)
    extensions.set(socket, extension)
  }
  return extension
}

class SocketExtension implements TlsExtension {
  readonly #socket: TLSSocket
  #chain: readonly X509Certificate[] | undefined

  constructor(socket: TLSSocket) {
    this.#socket = socket
  }

  get serverCert(): string | undefined {
    const { raw } = (this.#socket.getCertificate() ?? {}) as { readonly raw?: Buffer }
    return raw === undefined ? undefined : new X509Certificate(raw).toString()
  }

  get clientCertChain(): readonly string[] {
    return this.#clientChain.map(String)
  }

  get clientCertName(): string | undefined {
    const [certificate] = this.#clientChain
    return certificate === undefined ? undefined : distinguishedName(certificate.subject)
  }

  get clientCertError(): string | undefined {
    const { authorized, authorizationError } = this.#socket
    return this.#clientChain.length === 0 || authorized ? undefined : String(authorizationError)
  }

  get tlsVersion(): number | undefined {
    return versions[this.#socket.getProtocol() ?? '']
  }

  get cipherSuite(): number | undefined {
    return cipherSuites[this.#socket.getCipher()?.standardName ?? '']
  }

  get #clientChain(): readonly X509Certificate[] {
    this.#chain ??= chainOf(this.#socket.getPeerCertificate(true))
    return this.#chain
  }
}

/** Stops at a certificate seen before: a self-signed root is its own issuer. */
function chainOf(first: DetailedPeerCertificate): readonly X509Certificate[] {
  const chain: X509Certificate[] = []
  const seen = new Set<string>()
  let next: DetailedPeerCertificate | undefined = first
  while (next?.raw !== undefined && !seen.has(next.fingerprint256)) {
    seen.add(next.fingerprint256)
    chain.push(new X509Certificate(next.raw))
    next = next.issuerCertificate
  }
  return chain
}

/** Node writes one escaped line per part, the most general first. RFC 4514 §2.1 has the opposite order. */
function distinguishedName(subject: string): string {
  return subject.split('\n').toReversed().join(',')
}

const versions: Readonly<Record<string, number>> = { 'TLSv1.2': 0x0303, 'TLSv1.3': 0x0304 }

/** The suites of Node's default list, by their numbers in IANA's TLS Cipher Suites registry. */
const cipherSuites: Readonly<Record<string, number>> = {
  TLS_AES_128_GCM_SHA256: 0x1301,
  TLS_AES_256_GCM_SHA384: 0x1302,
  TLS_CHACHA20_POLY1305_SHA256: 0x1303,
  TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: 0xc02b,
  TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384: 0xc02c,
  TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256: 0xc02f,
  TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384: 0xc030,
  TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256: 0xcca8,
  TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: 0xcca9,
  TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256: 0xccaa,
  TLS_DHE_RSA_WITH_AES_128_GCM_SHA256: 0x009e,
  TLS_DHE_RSA_WITH_AES_256_GCM_SHA384: 0x009f,
}
