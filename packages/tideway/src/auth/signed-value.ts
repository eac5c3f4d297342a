import { sign, unsign } from 'cookie-signature'

/** Longer values are rejected without an HMAC: browsers store at most 4096 bytes of name and value (RFC 6265 §6.1). */
const MAX_SIGNED_LENGTH = 4096

/** Returns the value with its HMAC-SHA256, in the format of cookie-signature. */
export function signValue(value: string, secrets: readonly [string, ...string[]]): string {
  return sign(value, secrets[0])
}

/** Returns the value if one of the secrets signed it. Compares in constant time. */
export function verifySigned(signed: string, secrets: readonly string[]): string | undefined {
  if (signed.length > MAX_SIGNED_LENGTH) return undefined
  for (const secret of secrets) {
    const value = unsign(signed, secret)
    if (value !== false) return value
  }
  return undefined
}
