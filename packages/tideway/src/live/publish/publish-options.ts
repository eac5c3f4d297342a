import { requirePositive, requireWholeNumber } from '../../errors/option-checks.ts'
import { TidewayError } from '../../errors/tideway-error.ts'
import { requireFamilies, type AnyGroupFamily } from '../live-settings.ts'

/** A key of a publisher. */
export interface PublishKey {
  /** Its secret: at least 32 characters. */
  readonly secret: string
  /**
   * What the key may publish to: names of declarations (`room`), of their groups (`room.lobby`), and of plain groups.
   * @default everything that the API publishes to
   */
  readonly groups?: readonly string[] | undefined
  /** Whether each request must be signed. Otherwise the key is also accepted as a Bearer token. @default false */
  readonly signedOnly?: boolean | undefined
}

/** One answer of the publish API, for metrics. */
export interface PublishAnswer {
  /** The name of the key. `undefined` if the request was not authenticated. */
  readonly key: string | undefined
  /** The status of the response. */
  readonly status: number
  /** The number of items of the request. */
  readonly items: number
  /** How many of them were refused. */
  readonly refused: number
}

/** The options of {@link publishApi}. */
export interface PublishApiOptions {
  /** The declarations that the API publishes to, each under its name. */
  readonly groups: Readonly<Record<string, AnyGroupFamily>>
  /**
   * The keys of the publishers, by name: a secret of at least 32 characters, or a {@link PublishKey}. To replace a secret, add a second
   * key, change the publisher, and remove the first one.
   */
  readonly keys: Readonly<Record<string, string | PublishKey>>
  /** The plain groups that the API sends messages to: names, or a function of the name. @default none */
  readonly plainGroups?: readonly string[] | ((group: string) => boolean) | undefined
  /** The largest request body, in bytes. @default 1048576 */
  readonly maxBodyBytes?: number | undefined
  /** The most items of a request. @default 100 */
  readonly maxItems?: number | undefined
  /** The most items per second that each key may publish through this process. @default 1000 */
  readonly itemsPerSecond?: number | undefined
  /** How many items a key may publish at once after a pause: at least `maxItems`. @default 2000 */
  readonly itemBurst?: number | undefined
  /** The largest difference between the time of a signature and the clock of this process, in milliseconds: at most 150000. @default 120000 */
  readonly signatureWindowMs?: number | undefined
  /** Is called after each answer, for metrics of your own. @default none */
  readonly onAnswer?: ((answer: PublishAnswer) => void) | undefined
}

/** The defaults of {@link PublishApiOptions}. */
export const publishApiDefaults: Readonly<
  Record<'maxBodyBytes' | 'maxItems' | 'itemsPerSecond' | 'itemBurst' | 'signatureWindowMs', number>
> = Object.freeze({
  maxBodyBytes: 1_048_576,
  maxItems: 100,
  itemsPerSecond: 1000,
  itemBurst: 2000,
  signatureWindowMs: 120_000,
})

/** Answers to signed requests are kept for 5 minutes, and a signature is valid for twice the window. */
const MAX_SIGNATURE_WINDOW_MS = 150_000

/** {@link PublishApiOptions} with the defaults. */
export type PublishSettings = Readonly<typeof publishApiDefaults> &
  Pick<PublishApiOptions, 'groups' | 'onAnswer'> & { readonly isPlainGroup: (group: string) => boolean }

/** Fills in the defaults. The key ring checks the keys. @throws TidewayError `ERR_BAD_OPTION` */
export function resolvePublishOptions(options: PublishApiOptions): PublishSettings {
  const { groups, plainGroups = [], onAnswer } = options
  requireFamilies('groups', groups)
  const limits = { ...publishApiDefaults }
  for (const name of Object.keys(limits) as (keyof typeof limits)[]) limits[name] = options[name] ?? limits[name]
  requireWholeNumber('maxBodyBytes', limits.maxBodyBytes, Infinity)
  requireWholeNumber('maxItems', limits.maxItems, Infinity)
  requirePositive('itemsPerSecond', limits.itemsPerSecond)
  requireWholeNumber('itemBurst', limits.itemBurst, Infinity, limits.maxItems)
  requireWholeNumber('signatureWindowMs', limits.signatureWindowMs, MAX_SIGNATURE_WINDOW_MS)
  if (onAnswer !== undefined && typeof onAnswer !== 'function') {
    throw new TidewayError('ERR_BAD_OPTION', 'onAnswer must be a function.')
  }
  const names = typeof plainGroups === 'function' ? undefined : new Set(plainGroups)
  const isPlainGroup = typeof plainGroups === 'function' ? plainGroups : (group: string) => names!.has(group)
  return { ...limits, groups, onAnswer, isPlainGroup }
}
