import { MAX_TIMER_MS, requirePositive, requireWholeNumber } from '../errors/option-checks.ts'
import { TidewayError } from '../errors/tideway-error.ts'
import type { StandardSchema } from '../errors/standard-schema.ts'
import type { EventSchemas } from './event-schemas.ts'
import { MAX_GROUP_ID_LENGTH } from './define-group.ts'
import { resolveHttpOptions, type LiveHttpOptions } from './http/http-options.ts'
import type { KeptGroup } from './kept-group.ts'
import type { StateGroup } from './state-group.ts'

/** Any declaration of kept groups: with events or with state. */
export type AnyGroupFamily = ((id: string) => LiveGroup) & { readonly name: string } & (
    | { readonly events: EventSchemas }
    | { readonly state: StandardSchema }
  )

/** A group of any declaration. */
export type AnyGroup = KeptGroup<EventSchemas> | StateGroup<StandardSchema>

/** A group of a live consumer, for its hooks. */
export interface LiveGroup {
  /** The name of its declaration. */
  readonly family: string
  /** Its id, as the client has sent it: any text of 1 to 256 characters. */
  readonly id: string
  /** Its name in the channel layer. */
  readonly name: string
}

/** The static properties of a `LiveConsumer` class. */
export interface LiveSettings {
  readonly name: string
  readonly groups: Readonly<Record<string, AnyGroupFamily>>
  readonly maxGroups: number
  readonly joinsPerSecond: number
  readonly joinBurst: number
  readonly authorizeTimeoutMs: number
  readonly maxRequests: number
  readonly repeatTimeoutMs: number
  readonly helloTimeoutMs: number
  readonly http: LiveHttpOptions | false
}

/** Checks the static properties of a class. @throws TidewayError `ERR_BAD_OPTION` */
export function requireLiveSettings(settings: LiveSettings): void {
  const { name } = settings
  requireWholeNumber(`${name}.maxGroups`, settings.maxGroups, Infinity)
  requirePositive(`${name}.joinsPerSecond`, settings.joinsPerSecond)
  requireWholeNumber(`${name}.joinBurst`, settings.joinBurst, Infinity)
  requirePositive(`${name}.authorizeTimeoutMs`, settings.authorizeTimeoutMs, MAX_TIMER_MS)
  requireWholeNumber(`${name}.maxRequests`, settings.maxRequests, Infinity)
  requirePositive(`${name}.repeatTimeoutMs`, settings.repeatTimeoutMs, MAX_TIMER_MS)
  requirePositive(`${name}.helloTimeoutMs`, settings.helloTimeoutMs, MAX_TIMER_MS)
  if (settings.http !== false) resolveHttpOptions(name, settings.http)
  requireFamilies(`${name}.groups`, settings.groups)
}

/**
 * Checks that each declaration has the name of its key.
 * @param what names the groups in the error: `ChatConsumer.groups`
 * @throws TidewayError `ERR_BAD_OPTION`
 */
export function requireFamilies(what: string, groups: LiveSettings['groups']): void {
  for (const [key, family] of Object.entries(groups)) {
    if (typeof family === 'function' && family.name === key) continue
    throw new TidewayError(
      'ERR_BAD_OPTION',
      `${what}.${key} must be the declaration defineGroup('${key}', …): clients use this name.`,
    )
  }
}

/** Returns the group of a name on the wire, `family.id`; `undefined` if there is no such family or the id is not valid. */
export function groupOf({ groups }: Pick<LiveSettings, 'groups'>, wireName: string): AnyGroup | undefined {
  const dot = wireName.indexOf('.')
  const family = wireName.slice(0, dot)
  const id = wireName.slice(dot + 1)
  if (dot === -1 || id.length === 0 || id.length > MAX_GROUP_ID_LENGTH || !Object.hasOwn(groups, family)) {
    return undefined
  }
  return groups[family]!(id) as AnyGroup
}

/** The name of a group on the wire. */
export function wireNameOf({ family, id }: LiveGroup): string {
  return `${family}.${id}`
}
