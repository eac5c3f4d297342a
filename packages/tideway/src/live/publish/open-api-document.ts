import type { StandardSchema } from '../../errors/standard-schema.ts'
import { MAX_ID_LENGTH, MAX_KEY_LENGTH } from '../../layer/log/kept-groups-options.ts'
import { MAX_NAME_LENGTH } from '../../layer/names.ts'
import { MAX_GROUP_ID_LENGTH } from '../define-group.ts'
import { schemaOf } from '../event-schemas.ts'
import { jsonSchemaOf, type JsonSchema } from '../json-schema.ts'
import type { AnyGroupFamily } from '../live-settings.ts'
import type { PublishSettings } from './publish-options.ts'
import { refusalStatus } from './refusal.ts'

const position: JsonSchema = { type: 'string', description: 'The position in the log of the group, as epoch:offset.' }
const group: JsonSchema = { type: 'string', description: 'The name of the declaration, a period, and the id.' }

/** The OpenAPI 3.1 document of a publish API at a path, with the JSON Schemas of its groups. */
export function openApiDocument(settings: PublishSettings, path: string): object {
  const schemas: Record<string, JsonSchema> = { ...commonSchemas }
  const items = Object.values(settings.groups).flatMap((family) => itemsOf(family, schemas))
  const forms = [...items, 'Message'].map((name) => ({ $ref: `#/components/schemas/${name}` }))
  const { maxItems } = settings
  schemas['Item'] = { anyOf: forms }
  schemas['Batch'] = { type: 'array', items: { $ref: '#/components/schemas/Item' }, minItems: 1, maxItems }
  return {
    openapi: '3.1.0',
    info: { title: 'Publish API', version: '1.0.0', description: 'Publishes to the groups of an application.' },
    paths: {
      [path]: {
        get: {
          operationId: 'describe',
          summary: 'Returns this document.',
          responses: { 200: { description: 'The document.', ...json({ type: 'object' }) }, default: errorReference },
        },
        post: {
          operationId: 'publish',
          summary: 'Publishes an item, or a batch of them in their order.',
          requestBody: { required: true, ...json({ anyOf: [reference('Item'), reference('Batch')] }) },
          responses: {
            200: {
              description: 'All items are published.',
              ...json({ anyOf: [reference('Result'), reference('Results')] }),
            },
            207: { description: 'Some items of the batch are refused.', ...json(reference('Results')) },
            ...errorResponses(),
          },
        },
      },
    },
    security: [{ bearer: [] }, { signature: [] }],
    components: {
      schemas,
      responses: { Error: { description: 'The request is refused.', ...json(reference('Error')) } },
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: 'The secret of a key.' },
        signature: {
          type: 'apiKey',
          in: 'header',
          name: 'Tideway-Signature',
          description:
            'key=NAME,t=SECONDS,v1=HEX: the name of a key, the time in Unix seconds, and the HMAC-SHA-256 of "SECONDS.BODY" with the secret.',
        },
      },
    },
  }
}

const errorReference = { $ref: '#/components/responses/Error' }

function errorResponses(): Record<string, object> {
  const statuses = new Set(Object.values(refusalStatus).filter((status) => status !== refusalStatus.method_not_allowed))
  return Object.fromEntries([...statuses].map((status) => [`${status}`, errorReference]))
}

function json(schema: JsonSchema): { readonly content: object } {
  return { content: { 'application/json': { schema } } }
}

function reference(name: string): JsonSchema {
  return { $ref: `#/components/schemas/${name}` }
}

function object(required: readonly string[], properties: Readonly<Record<string, JsonSchema>>): JsonSchema {
  return { type: 'object', required, properties, additionalProperties: false }
}

const commonSchemas: Readonly<Record<string, JsonSchema>> = {
  Message: {
    ...object(['group', 'message'], {
      group: { type: 'string', maxLength: MAX_NAME_LENGTH, description: 'The name of a plain group.' },
      message: { type: 'object', required: ['type'], properties: { type: { type: 'string' } } },
    }),
    description: 'A message to a plain group, if the API permits it: sent at most once.',
  },
  Result: {
    anyOf: [
      object(['position', 'duplicate'], { position, duplicate: { type: 'boolean' } }),
      object(['changed', 'version'], {
        changed: { type: 'boolean' },
        version: { ...position, type: ['string', 'null'] },
      }),
      object(['sent'], { sent: { const: true } }),
    ],
  },
  Results: object(['results'], {
    results: { type: 'array', items: { anyOf: [reference('Result'), reference('Error')] } },
  }),
  Error: object(['error'], {
    error: object(['status', 'code', 'message'], {
      status: { type: 'integer' },
      code: { enum: Object.keys(refusalStatus) },
      message: { type: 'string' },
    }),
  }),
}

/** Adds the schemas of the items of a declaration, and returns their names. */
function itemsOf(family: AnyGroupFamily, schemas: Record<string, JsonSchema>): string[] {
  const ofFamily = { ...group, pattern: `^${family.name}\\.[\\s\\S]{1,${MAX_GROUP_ID_LENGTH}}$` }
  const add = (name: string, item: JsonSchema, description: string): string => {
    schemas[name] = { ...item, description }
    return name
  }
  if ('state' in family) {
    const key = { type: 'string', minLength: 1, maxLength: MAX_KEY_LENGTH }
    const ifVersion = {
      type: ['string', 'null'],
      description: 'Changes the key only if this is its version; null: only if it has no value.',
    }
    const { schema: value } = payload(`${family.name}.value`, family.state, schemas)
    const ttlMs = { type: 'integer', minimum: 1 }
    const set = object(['group', 'key', 'value'], { group: ofFamily, key, value, ttlMs, ifVersion })
    const deletion = object(['group', 'key', 'delete'], { group: ofFamily, key, delete: { const: true }, ifVersion })
    return [
      add(`${family.name}.set`, set, 'Sets the value of a key.'),
      add(`${family.name}.delete`, deletion, 'Deletes the value of a key.'),
    ]
  }
  return Object.entries(family.events).map(([event, declared]) => {
    const isVolatile = 'volatile' in declared
    const { schema: data, isKnown } = payload(`${family.name}.${event}.data`, schemaOf(declared), schemas)
    const id = { type: 'string', minLength: 1, maxLength: MAX_ID_LENGTH }
    const item = object(isKnown ? ['group', 'event', 'data'] : ['group', 'event'], {
      group: ofFamily,
      event: { const: event },
      data,
      ...(isVolatile ? {} : { id: { ...id, description: 'The same id again within 5 minutes is the same event.' } }),
    })
    return add(`${family.name}.${event}`, item, isVolatile ? 'Volatile: sent at most once, and not kept.' : 'Kept.')
  })
}

/** Adds the schema of data, and returns the reference to it. */
function payload(
  name: string,
  schema: StandardSchema,
  schemas: Record<string, JsonSchema>,
): { readonly schema: JsonSchema; readonly isKnown: boolean } {
  const known = jsonSchemaOf(schema, 'input', `#/components/schemas/${name}`, 'draft-2020-12')
  schemas[name] = known ?? { description: 'The library of its schema offers no JSON Schema for it.' }
  return { schema: reference(name), isKnown: known !== undefined }
}
