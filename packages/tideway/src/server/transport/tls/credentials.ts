import { constants, createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createSecureContext, type SecureContextOptions } from 'node:tls'
import type { Logger } from '../../../asgi/logger.ts'
import { TidewayError } from '../../../errors/tideway-error.ts'
import { DEFAULT_TLS_CIPHERS, type TlsOptions } from './tls-options.ts'

/** Keys and certificates in the form of Node's TLS options. */
export interface Credentials extends SecureContextOptions {
  readonly key: Buffer
  readonly cert: Buffer
  readonly ca?: Buffer
}

/**
 * Reads the key and the certificate and checks that a server can use them. Returns `undefined` if the options have neither: no TLS.
 * @throws TidewayError `ERR_BAD_OPTION` if one of the two is missing or a cipher is unknown; `ERR_BAD_CERTIFICATE` if one cannot be read or used
 */
export async function loadCredentials(options: TlsOptions, logger: Logger): Promise<Credentials | undefined> {
  const { tlsKey, tlsCert, tlsCa, tlsPassphrase, tlsCiphers = DEFAULT_TLS_CIPHERS } = options
  if (tlsKey === undefined || tlsCert === undefined) {
    requireNone(options)
    return undefined
  }
  const [key, cert, ca] = await Promise.all([
    pemOf('tlsKey', tlsKey),
    pemOf('tlsCert', tlsCert),
    tlsCa === undefined ? undefined : pemOf('tlsCa', tlsCa),
  ])
  const privateKey = readKey(key, tlsPassphrase)
  const certificate = readCertificate('tlsCert', cert)
  if (!certificate.checkPrivateKey(privateKey)) {
    throw unusable(`tlsKey is not the key of the certificate in tlsCert (${certificate.subject}).`)
  }
  if (ca !== undefined) readCertificate('tlsCa', ca)
  warnIfNotValidNow(certificate, logger)
  const credentials: Credentials = {
    key,
    cert,
    ...(ca !== undefined && { ca }),
    ...(tlsPassphrase !== undefined && { passphrase: tlsPassphrase }),
    // RFC 8996 forbids the versions before it.
    minVersion: 'TLSv1.2',
    ciphers: tlsCiphers,
    // A client that renegotiates costs the server a handshake each time. TLS 1.3 has no renegotiation.
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
  }
  try {
    createSecureContext(credentials)
  } catch (cause) {
    if (/no cipher match/i.test((cause as Error).message)) {
      const message = `tlsCiphers: OpenSSL has none of the cipher suites ${JSON.stringify(tlsCiphers)}.`
      throw new TidewayError('ERR_BAD_OPTION', message, { cause })
    }
    throw unusable(`OpenSSL rejects tlsKey and tlsCert: ${(cause as Error).message}.`, cause)
  }
  return credentials
}

/** Rejects one option without the other: the server would speak plain HTTP although its operator expects TLS. */
function requireNone({ tlsKey, tlsCert, tlsCa }: TlsOptions): void {
  if (tlsKey === undefined && tlsCert === undefined && tlsCa === undefined) return
  const missing = [tlsKey === undefined && 'tlsKey', tlsCert === undefined && 'tlsCert'].filter(
    (name) => name !== false,
  )
  const message = `${missing.join(' and ')} is missing: TLS needs tlsKey and tlsCert (--tls-key and --tls-cert), both.`
  throw new TidewayError('ERR_BAD_OPTION', message)
}

/** Reads a file, unless the value is the PEM itself. */
async function pemOf(option: string, value: string | Uint8Array): Promise<Buffer> {
  if (typeof value !== 'string') return Buffer.from(value)
  if (value.includes('-----BEGIN ')) return Buffer.from(value)
  try {
    return await readFile(value)
  } catch (cause) {
    throw unusable(`${option}: ${value} cannot be read: ${(cause as Error).message}.`, cause)
  }
}

function readKey(key: Buffer, passphrase: string | undefined): KeyObject {
  try {
    return createPrivateKey({ key, ...(passphrase !== undefined && { passphrase }) })
  } catch (cause) {
    const { code = '' } = cause as { readonly code?: string }
    const isEncrypted = code === 'ERR_MISSING_PASSPHRASE' || /ENCRYPTED/.test(key.toString('latin1'))
    const why = isEncrypted
      ? 'is encrypted, and tlsPassphrase does not decrypt it'
      : `contains no private key in PEM: ${(cause as Error).message}`
    throw unusable(`tlsKey ${why}.`, cause)
  }
}

function readCertificate(option: string, pem: Buffer): X509Certificate {
  try {
    return new X509Certificate(pem)
  } catch (cause) {
    throw unusable(`${option} contains no certificate in PEM: ${(cause as Error).message}.`, cause)
  }
}

/** Clients reject such a certificate, but a server must start even if its certificate has expired. */
function warnIfNotValidNow({ subject, validFrom, validTo }: X509Certificate, logger: Logger): void {
  const now = Date.now()
  if (now > Date.parse(validTo)) {
    logger.warn(
      { subject, validTo },
      'The certificate in tlsCert has expired: clients do not trust this server. Renew it.',
    )
  } else if (now < Date.parse(validFrom)) {
    logger.warn({ subject, validFrom }, 'The certificate in tlsCert is not valid yet: check the clock of this machine.')
  }
}

function unusable(message: string, cause?: unknown): TidewayError {
  return new TidewayError('ERR_BAD_CERTIFICATE', message, cause === undefined ? {} : { cause })
}
