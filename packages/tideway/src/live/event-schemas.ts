import type { StandardSchema } from '../errors/standard-schema.ts'

/** The schema of a volatile event: see {@link volatile}. */
export interface Volatile<Schema extends StandardSchema = StandardSchema> {
  readonly volatile: Schema
}

/** The schemas of the events of a kept group, by name. */
export type EventSchemas = Readonly<Record<string, StandardSchema | Volatile>>

/**
 * Marks an event as volatile: it is sent to the followers at most once, has no position, and is not kept. For what is worthless
 * later, such as `typing`.
 */
export function volatile<Schema extends StandardSchema>(schema: Schema): Volatile<Schema> {
  return Object.freeze({ volatile: schema })
}

/** The schema of an event without its mark. */
export function schemaOf(declared: StandardSchema | Volatile): StandardSchema {
  return 'volatile' in declared ? declared.volatile : declared
}

type Types<Declared> =
  Declared extends Volatile<infer Schema>
    ? Types<Schema>
    : Declared extends StandardSchema
      ? NonNullable<Declared['~standard']['types']>
      : never

/** The data that `publish()` accepts for an event. */
export type InputOf<Declared> = Types<Declared>['input']

/** The data of an event at its followers: the output of its schema. */
export type OutputOf<Declared> = Types<Declared>['output']
