import { sign, unsign } from 'cookie-signature'

/** Longer values are no cookie of ours: browsers keep 4096 bytes of name and value (RFC 6265 §6.1). They cost no HMAC. */
const MAX_SIGNED_LENGTH = 4096

/** The value with its HMAC-SHA256, as cookie-signature writes it. */
export function signValue(value: string, secrets: readonly [string, ...string[]]): string {
  return sign(value, secrets[0])
}

/** The value, if one of the secrets signed it. The comparison takes the same time whatever differs. */
export function verifySigned(signed: string, secrets: readonly string[]): string | undefined {
  if (signed.length > MAX_SIGNED_LENGTH) return undefined
  for (const secret of secrets) {
    const value = unsign(signed, secret)
    if (value !== false) return value
  }
  return undefined
}
