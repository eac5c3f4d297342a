import type { StandardSchema } from '../errors/standard-schema.ts'
import type { ChannelLayer } from '../layer/channel-layer.ts'
import type { InputOf, OutputOf } from './event-schemas.ts'

/** The schema of the metas of a declaration; `undefined` without presence. */
export type PresenceSchema = StandardSchema | undefined

/** The public data of a person, as others see it: the output of the schema. */
export type MetaOf<Schema> = Schema extends StandardSchema ? OutputOf<Schema> : never

/** A layer, for a call that only a group with presence has. */
export type WithPresence<Schema> = Schema extends StandardSchema ? ChannelLayer : never

/** The answer of `present()`: the key of the person, and its public data before its schema. */
export type PresentAs<Meta = Readonly<Record<string, unknown>>> = { readonly key: string } & Meta

/** The people of a group. */
export interface Here<Meta = unknown> {
  /** The number of all people. */
  readonly count: number
  /** The metas of the people by their keys: all of them, or as many as the limit. */
  readonly people: ReadonlyMap<string, Meta>
}

type PresenceOf<Family> = Family extends { readonly presence: infer Schema extends StandardSchema } ? Schema : never

type PresenceSchemas<Class> = Class extends { readonly groups: infer Groups } ? PresenceOf<Groups[keyof Groups]> : never

/**
 * Checks that a class whose groups have presence has a `present()` with the input of their schemas. A class without one enters no
 * people, so it is not required.
 */
export type WithPresent<Class, C> =
  PresenceSchemas<Class> extends infer Schema
    ? [Schema] extends [never]
      ? unknown
      : C extends { present(group: never): infer Answer }
        ? [Awaited<Answer>] extends [PresentAs<InputOf<Schema>> | undefined]
          ? unknown
          : { readonly present: (group: never) => PresentAs<InputOf<Schema>> | undefined }
        : unknown
    : never
