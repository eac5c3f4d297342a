import { createHash, createHmac } from 'node:crypto'
import type { HeaderList } from '../../asgi/headers.ts'
import { equalInConstantTime } from '../../errors/constant-time.ts'
import { TidewayError } from '../../errors/tideway-error.ts'
import { TokenBucket } from '../../errors/token-bucket.ts'
import type { PublishApiOptions, PublishSettings } from './publish-options.ts'
import { Refusal } from './refusal.ts'

/** The header of a signature. */
export const SIGNATURE_HEADER = 'tideway-signature'

const MIN_SECRET_LENGTH = 32

/** `key=NAME,t=SECONDS,v1=HEX`, where HEX is the HMAC-SHA-256 of `SECONDS.BODY`. */
const signaturePattern = /^key=([a-zA-Z0-9_.-]{1,64}),t=(\d{1,12}),v1=([0-9a-f]{64})$/
const keyNamePattern = /^[a-zA-Z0-9_.-]{1,64}$/

/** One key with its rate. */
export interface RingKey {
  readonly name: string
  readonly bucket: TokenBucket
  /** Whether the key may publish to the group. @param family the name of its declaration; `undefined` for a plain group */
  allows(group: string, family: string | undefined): boolean
}

/** The credentials of a request. A signature is checked when the body is there. */
export type Credentials =
  | { readonly key: RingKey; readonly signature?: undefined; readonly verify?: undefined }
  | { readonly key: RingKey; readonly signature: string; readonly verify: (body: Uint8Array) => void }

interface StoredKey extends RingKey {
  readonly secret: string
  readonly digest: string
  readonly signedOnly: boolean
}

/** The keys of the publish API. Secrets are compared in constant time, and all of them, so that the time does not tell a key. */
export class KeyRing {
  readonly #keys: readonly StoredKey[]
  readonly #windowMs: number

  /** @throws TidewayError `ERR_BAD_OPTION` without a key, for a name that a header cannot have, and for a short secret */
  constructor(keys: PublishApiOptions['keys'], { itemsPerSecond, itemBurst, signatureWindowMs }: PublishSettings) {
    this.#windowMs = signatureWindowMs
    this.#keys = Object.entries(keys).map(([name, given]) => {
      const { secret, groups, signedOnly = false } = typeof given === 'string' ? { secret: given } : given
      requireKey(name, secret)
      const names = groups && new Set(groups)
      return {
        name,
        secret,
        signedOnly,
        digest: sha256(secret),
        bucket: new TokenBucket(itemsPerSecond, itemBurst),
        allows: (group, family) =>
          names === undefined || names.has(group) || (family !== undefined && names.has(family)),
      }
    })
    if (this.#keys.length === 0) throw new TidewayError('ERR_BAD_OPTION', 'publishApi() needs at least one key.')
  }

  /** @throws Refusal `unauthorized` */
  credentialsOf(headers: HeaderList): Credentials {
    const signature = headers.get(SIGNATURE_HEADER)
    return signature === undefined ? this.#bearer(headers.get('authorization')) : this.#signed(signature)
  }

  #bearer(authorization = ''): Credentials {
    const [, token] = /^Bearer +(\S+) *$/i.exec(authorization) ?? []
    if (token === undefined) throw unauthorized(`The request needs "Authorization: Bearer …" or "${SIGNATURE_HEADER}".`)
    const digest = sha256(token)
    let found: StoredKey | undefined
    for (const key of this.#keys) if (equalInConstantTime(digest, key.digest)) found = key
    if (found === undefined) throw unauthorized('The Bearer token is not a key.')
    if (found.signedOnly) throw unauthorized('Requests with this key must be signed.')
    return { key: found }
  }

  #signed(header: string): Credentials {
    const [, name, seconds, signature] = signaturePattern.exec(header) ?? []
    if (signature === undefined) {
      throw unauthorized(`${SIGNATURE_HEADER} must be "key=NAME,t=SECONDS,v1=HEX", with a SHA-256 in lower case.`)
    }
    if (Math.abs(Date.now() - Number(seconds) * 1000) > this.#windowMs) {
      throw unauthorized('The time of the signature is outside the window: sign again, and check the clock.')
    }
    const key = this.#keys.find((each) => each.name === name)
    if (key === undefined) throw unauthorized('The signature does not match.')
    const verify = (body: Uint8Array): void => {
      const expected = createHmac('sha256', key.secret).update(`${seconds}.`).update(body).digest('hex')
      if (!equalInConstantTime(expected, signature)) throw unauthorized('The signature does not match.')
    }
    return { key, signature, verify }
  }
}

function requireKey(name: string, secret: unknown): void {
  if (!keyNamePattern.test(name)) {
    throw new TidewayError(
      'ERR_BAD_OPTION',
      `The name of a key must be 1 to 64 ASCII letters, digits, hyphens, underscores or periods, not ${JSON.stringify(name)}.`,
    )
  }
  if (typeof secret === 'string' && secret.length >= MIN_SECRET_LENGTH && /^[!-~]+$/.test(secret)) return
  throw new TidewayError(
    'ERR_BAD_OPTION',
    `The secret of the key "${name}" must be at least ${MIN_SECRET_LENGTH} printable ASCII characters without a space: openssl rand -hex 32 makes one.`,
  )
}

function unauthorized(message: string): Refusal {
  return new Refusal('unauthorized', message)
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
