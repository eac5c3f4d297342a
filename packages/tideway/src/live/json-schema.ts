import type { StandardSchema } from '../errors/standard-schema.ts'

/** A JSON Schema. */
export type JsonSchema = Readonly<Record<string, unknown>>

/** The drafts of JSON Schema: AsyncAPI extends draft 7, OpenAPI 3.1 extends 2020-12. */
export type JsonSchemaDraft = 'draft-07' | 'draft-2020-12'

/** The part of Standard JSON Schema (standardschema.dev/json-schema) that a library may offer in addition to Standard Schema. */
interface JsonSchemaConverter {
  readonly input: (options: { readonly target: string }) => JsonSchema
  readonly output: (options: { readonly target: string }) => JsonSchema
}

/**
 * The JSON Schema of the input or the output of a schema. `undefined` if its library offers none, or cannot represent this schema.
 * @param place the JSON pointer of the schema in the document, for its references to itself
 */
export function jsonSchemaOf(
  schema: StandardSchema,
  side: 'input' | 'output',
  place: string,
  draft: JsonSchemaDraft,
): JsonSchema | undefined {
  const { jsonSchema } = schema['~standard'] as { readonly jsonSchema?: JsonSchemaConverter }
  if (jsonSchema === undefined) return undefined
  try {
    const { $schema: _version, ...converted } = jsonSchema[side]({ target: draft })
    return relocated(converted, place) as JsonSchema
  } catch {
    // Such as a date or a transformation.
    return undefined
  }
}

/** Returns the schema with references from the place where it is in the document. */
function relocated(value: unknown, place: string): unknown {
  if (Array.isArray(value)) return value.map((item) => relocated(item, place))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) =>
      key === '$ref' && typeof item === 'string' && item.startsWith('#')
        ? [key, place + item.slice(1)]
        : [key, relocated(item, place)],
    ),
  )
}
