import type { KeyObject } from 'node:crypto'

import type { JWTPayload, JWTVerifyGetKey } from 'jose'

import { ServiceUnavailableError } from '../asgi/service-unavailable-error.ts'
import { TidewayError } from '../errors/tideway-error.ts'
import { InvalidTokenError, type TokenVerifier, type VerifiedToken } from './token.ts'

/** The claims that every token has to have. */
interface JwtClaimOptions {
  /** The required issuer: the claim `iss`. @default any issuer that has the key */
  readonly issuer?: string | readonly string[]
  /** The largest difference between the clocks of issuer and server, in seconds. @default 5 */
  readonly clockToleranceSeconds?: number
  /** The signature algorithms that are accepted. @default all for this kind of key */
  readonly algorithms?: readonly string[]
}

/** A secret that issuer and server share (HMAC), of at least 32 bytes (RFC 7518 §3.2). */
export interface SharedSecretJwtOptions extends JwtClaimOptions {
  readonly secret: string
  /** The required audience: the claim `aud`. @default any */
  readonly audience?: string | readonly string[]
}

/** A public key. */
export interface PublicKeyJwtOptions extends JwtClaimOptions {
  readonly publicKey: KeyObject
  /** The required audience: the claim `aud`. `false`: any. Required, because otherwise tokens for another service are accepted. */
  readonly audience: string | readonly string[] | false
}

/** The URL of the issuer's keys (a JWK Set). The keys are cached for 10 minutes. An unknown key reads them again, at most every 30 seconds. */
export interface JwksJwtOptions extends JwtClaimOptions {
  readonly jwksUrl: string | URL
  /** The required audience: the claim `aud`. `false`: any. Required, because otherwise tokens for another service are accepted. */
  readonly audience: string | readonly string[] | false
}

/** The options of {@link jwtVerifier}. */
export type JwtVerifierOptions = SharedSecretJwtOptions | PublicKeyJwtOptions | JwksJwtOptions

const MIN_SECRET_BYTES = 32
const DEFAULT_CLOCK_TOLERANCE_SECONDS = 5
/** Longer tokens do not fit in a header; they are rejected without verification. */
const MAX_TOKEN_LENGTH = 8192
const JWKS_CACHE_MS = 600_000
const JWKS_COOLDOWN_MS = 30_000
const JWKS_TIMEOUT_MS = 3000

let jose: Promise<typeof import('jose')> | undefined
/** Loads jose with the first token: a process without tokens starts without its 46 modules, a tenth of all that it loads. */
const loadJose = (): Promise<typeof import('jose')> => (jose ??= import('jose'))

// Listed per kind of key, so that a token cannot make a public key an HMAC secret (RFC 8725 §2.1).
const sharedAlgorithms = ['HS256', 'HS384', 'HS512']
const publicAlgorithms = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
]

/**
 * Returns a verifier for JSON Web Tokens (RFC 7519). It checks the signature, `exp`, `nbf`, `iss` and `aud`, and requires `exp` and
 * `sub`. It rejects with a `ServiceUnavailableError` (503) if the issuer's keys cannot be read. Throws `ERR_BAD_OPTION` if the secret
 * is short, the audience is missing, or the key URL is not `https:`.
 */
export function jwtVerifier(options: JwtVerifierOptions): TokenVerifier {
  const key = keyOf(options)
  const { issuer, audience, clockToleranceSeconds = DEFAULT_CLOCK_TOLERANCE_SECONDS } = options
  const algorithms = options.algorithms ?? ('secret' in options ? sharedAlgorithms : publicAlgorithms)
  const rules = {
    algorithms: [...algorithms],
    clockTolerance: clockToleranceSeconds,
    requiredClaims: ['exp', 'sub'],
    ...(issuer !== undefined && { issuer: listOf(issuer) }),
    ...(audience !== undefined && audience !== false && { audience: listOf(audience) }),
  }
  return async (token) => {
    if (token.length > MAX_TOKEN_LENGTH) throw invalid(`The token has more than ${MAX_TOKEN_LENGTH} characters.`)
    try {
      const { jwtVerify } = await loadJose()
      const { payload } = await (typeof key === 'function'
        ? jwtVerify(token, key, rules)
        : jwtVerify(token, key, rules))
      return verifiedToken(payload)
    } catch (cause) {
      if (cause instanceof TidewayError) throw cause
      throw new InvalidTokenError({ cause })
    }
  }
}

function verifiedToken(payload: JWTPayload): VerifiedToken {
  const { sub, exp } = payload
  // RFC 7519 §4.1.2. A number is not converted: 7 and "7" may be two users.
  if (typeof sub !== 'string') throw invalid(`The claim "sub" is of type ${typeof sub}: it must be a string.`)
  if (sub === '') throw invalid('The claim "sub" is empty.')
  if (exp === undefined) throw invalid('The claim "exp" is missing.')
  return { subject: sub, expiresAt: exp * 1000, claims: payload }
}

function invalid(reason: string): InvalidTokenError {
  return new InvalidTokenError({ cause: new TypeError(reason) })
}

function keyOf(options: JwtVerifierOptions): Uint8Array | KeyObject | JWTVerifyGetKey {
  if ('publicKey' in options || 'jwksUrl' in options) requireAudience(options)
  if ('publicKey' in options) return options.publicKey
  if ('jwksUrl' in options) return remoteKeys(secureUrl(options.jwksUrl))
  // An environment variable that is not set is undefined here, whatever its type is.
  const secret = Buffer.from((options.secret as string | undefined) ?? '')
  if (secret.length < MIN_SECRET_BYTES) {
    throw new TidewayError(
      'ERR_BAD_OPTION',
      `The secret of jwtVerifier has ${secret.length} bytes, so tokens can be forged by guessing it: give at least ${MIN_SECRET_BYTES}.`,
    )
  }
  return new Uint8Array(secret)
}

/** The type requires it too, but applications may be JavaScript. */
function requireAudience({ audience }: { readonly audience?: unknown }): void {
  if (audience !== undefined) return
  throw new TidewayError(
    'ERR_BAD_OPTION',
    'jwtVerifier needs audience with a public key or jwksUrl, or it accepts tokens for any other service of the issuer: ' +
      'give the name of this service, or false to accept them.',
  )
}

/** Requires TLS, because an attacker on the network can replace keys that are not encrypted. */
function secureUrl(text: string | URL): URL {
  const url = URL.canParse(String(text)) ? new URL(text) : undefined
  if (url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback(url.hostname))) return url
  throw new TidewayError(
    'ERR_BAD_OPTION',
    `The jwksUrl ${String(text)} is not an https: URL. http: is allowed on loopback only.`,
  )
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host.endsWith('.localhost') || host === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(host)
}

function remoteKeys(url: URL): JWTVerifyGetKey {
  let keys: JWTVerifyGetKey | undefined
  return async (header, token) => {
    const { createRemoteJWKSet, errors } = await loadJose()
    // One for all tokens: it caches the keys.
    keys ??= createRemoteJWKSet(url, {
      cacheMaxAge: JWKS_CACHE_MS,
      cooldownDuration: JWKS_COOLDOWN_MS,
      timeoutDuration: JWKS_TIMEOUT_MS,
    })
    try {
      return await keys(header, token)
    } catch (cause) {
      // The keys were read, and the key of this token is not among them.
      if (cause instanceof errors.JWKSNoMatchingKey || cause instanceof errors.JWKSMultipleMatchingKeys) throw cause
      if (cause instanceof errors.JOSENotSupported) throw cause
      throw new ServiceUnavailableError(`The keys of the token issuer at ${url.origin} cannot be read.`, { cause })
    }
  }
}

function listOf(value: string | readonly string[]): string[] {
  return typeof value === 'string' ? [value] : [...value]
}
