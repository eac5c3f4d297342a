import { createHash, createHmac } from 'node:crypto'
import { deflateSync, inflateSync } from 'node:zlib'

import { equalInConstantTime } from '../errors/constant-time.ts'

/*
 * The format of `django.core.signing.dumps` and `loads` since Django 3.1: JSON, compressed if that is shorter, in URL-safe base64,
 * then the time in base 62, then an HMAC-SHA256 under a key derived from a salt and SECRET_KEY, joined by colons.
 */

/** Bounds decompression. The data are signed, so this guards against mistakes and not against attackers. */
const MAX_INFLATED_BYTES = 1_048_576
const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** Django's `salted_hmac` with SHA-256. */
export function saltedHmac(salt: string, value: string, secret: string): Buffer {
  const key = createHash('sha256')
    .update(salt + secret)
    .digest()
  return createHmac('sha256', key).update(value).digest()
}

/** Signs data as Django does. */
export function djangoDumps(data: unknown, salt: string, secret: string): string {
  const json = Buffer.from(asciiJson(data))
  const compressed = deflateSync(json)
  const isShorter = compressed.length < json.length - 1
  const body = isShorter ? `.${compressed.toString('base64url')}` : json.toString('base64url')
  const value = `${body}:${encodeBase62(Math.floor(Date.now() / 1000))}`
  return `${value}:${signatureOf(value, salt, secret)}`
}

/** Signed data of Django. */
export interface DjangoSigned {
  readonly data: unknown
  /** In milliseconds since 1970. */
  readonly signedAt: number
}

/** Returns the data if one of the secrets signed them at most `maxAgeMs` ago. Returns `'bad signature'` if none did. */
export function djangoLoads(
  signed: string,
  salt: string,
  secrets: readonly string[],
  maxAgeMs: number = Infinity,
): DjangoSigned | 'bad signature' | undefined {
  const end = signed.lastIndexOf(':')
  if (end === -1) return 'bad signature'
  const value = signed.slice(0, end)
  const signature = signed.slice(end + 1)
  if (!secrets.some((secret) => equalInConstantTime(signatureOf(value, salt, secret), signature)))
    return 'bad signature'

  const middle = value.lastIndexOf(':')
  const signedAt = decodeBase62(value.slice(middle + 1))
  if (middle === -1 || signedAt === undefined || Date.now() - signedAt * 1000 > maxAgeMs) return undefined
  return { data: decodeBody(value.slice(0, middle)), signedAt: signedAt * 1000 }
}

function signatureOf(value: string, salt: string, secret: string): string {
  return saltedHmac(`${salt}signer`, value, secret).toString('base64url')
}

function decodeBody(body: string): unknown {
  try {
    const isCompressed = body.startsWith('.')
    const bytes = Buffer.from(isCompressed ? body.slice(1) : body, 'base64url')
    const json = isCompressed ? inflateSync(bytes, { maxOutputLength: MAX_INFLATED_BYTES }) : bytes
    return JSON.parse(json.toString('latin1'))
  } catch {
    // The site uses another serializer, such as pickle.
    return undefined
  }
}

/** Django decodes the JSON as Latin-1, so characters outside ASCII are escaped. */
function asciiJson(data: unknown): string {
  return JSON.stringify(data).replaceAll(
    /[\u007f-\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

function encodeBase62(value: number): string {
  let text = ''
  for (let rest = value; rest > 0; rest = Math.floor(rest / 62)) text = BASE62[rest % 62]! + text
  return text === '' ? '0' : text
}

function decodeBase62(text: string): number | undefined {
  if (text === '' || text.length > 10) return undefined
  let value = 0
  for (const character of text) {
    const digit = BASE62.indexOf(character)
    if (digit === -1) return undefined
    value = value * 62 + digit
  }
  return value
}
