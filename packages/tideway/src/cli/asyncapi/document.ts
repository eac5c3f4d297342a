import type { StandardSchema } from '../../errors/standard-schema.ts'
import { schemaOf, type EventSchemas } from '../../live/event-schemas.ts'
import type { PresenceSchema } from '../../live/present.ts'
import { jsonSchemaOf, type JsonSchema } from '../../live/json-schema.ts'
import type { Family, LiveEndpoint } from './live-endpoints.ts'

/** An AsyncAPI document as JSON. */
export type AsyncApiDocument = Readonly<Record<string, unknown>>

/** The `info` of a document. */
export interface DocumentInfo {
  readonly title: string
  readonly version: string
}

type Entries = Record<string, unknown>

/**
 * Makes an AsyncAPI 3.0 document of live consumers: a channel for each family of groups with its events, and one for each consumer with
 * its requests. The payloads are the data of the events and requests, without the frames of the live protocol.
 */
export function asyncApiDocument(info: DocumentInfo, endpoints: readonly LiveEndpoint[]): AsyncApiDocument {
  const parts = new DocumentParts()
  const names = new Set<string>()
  for (const endpoint of endpoints) {
    // Two classes may have one name.
    let name = endpoint.name
    for (let n = 2; names.has(name); n++) name = `${endpoint.name}${n}`
    names.add(name)
    for (const group of endpoint.groups) addGroup(parts, name, group)
    addRequests(parts, name, endpoint)
  }
  const { channels, operations, messages, schemas } = parts
  const description =
    'The live consumers of the application, which speak the WebSocket subprotocol tideway.v1.json. A payload is the field "d" of a frame.'
  return {
    asyncapi: '3.0.0',
    info: { ...info, description },
    defaultContentType: 'application/json',
    channels,
    operations,
    components: { messages, schemas },
  }
}

/** The parts of a document, by their keys. */
class DocumentParts {
  readonly channels: Entries = {}
  readonly operations: Entries = {}
  readonly messages: Entries = {}
  readonly schemas: Entries = {}

  /** Adds a message, and returns the reference to it. */
  addMessage(channel: string, name: string, schema: StandardSchema, side: 'input' | 'output', about: string): Entries {
    const key = `${channel}.${name}`
    const payload = jsonSchemaOf(schema, side, `#/components/schemas/${key}`, 'draft-07')
    const notes = payload === undefined ? [about, NO_JSON_SCHEMA] : [about]
    this.schemas[key] = payload ?? ({} satisfies JsonSchema)
    this.messages[key] = {
      name,
      description: notes.join(' '),
      payload: { $ref: `#/components/schemas/${key}` },
    }
    return { $ref: `#/components/messages/${key}` }
  }
}

const NO_JSON_SCHEMA = 'The library of its schema offers no JSON Schema for it: any value is described.'

function addGroup(parts: DocumentParts, consumer: string, family: Family): void {
  const channel = `${consumer}.${family.name}`
  const isState = 'state' in family
  parts.channels[channel] = {
    address: `${family.name}.{id}`,
    description: isState
      ? `Groups with values, which a client joins. A group has at most ${family.keep.maxKeys} keys.`
      : `Kept groups, which a client joins. The log of a group keeps ${family.history.size} events for ${family.history.ttlMs} ms.`,
    parameters: { id: { description: 'The id of the group: 1 to 256 characters.' } },
    messages: isState
      ? { value: parts.addMessage(channel, 'value', family.state, 'output', 'The value of a key: the newest one.') }
      : { ...eventMessages(parts, channel, family.events), ...presenceMessage(parts, channel, family.presence) },
  }
  const operation = `${channel}.${isState ? 'values' : 'events'}`
  parts.operations[operation] = { action: 'send', channel: { $ref: `#/channels/${channel}` } }
}

function eventMessages(parts: DocumentParts, channel: string, events: EventSchemas): Entries {
  const messages = Object.entries(events).map(([event, declared]) => {
    const about =
      'volatile' in declared ? 'Volatile: sent at most once, and not kept.' : 'Kept: received once and in order.'
    return [event, parts.addMessage(channel, event, schemaOf(declared), 'output', about)]
  })
  return Object.fromEntries(messages) as Entries
}

function presenceMessage(parts: DocumentParts, channel: string, schema: PresenceSchema): Entries {
  if (schema === undefined) return {}
  // No event can have a name that starts with an underscore.
  const name = '_presence'
  return { [name]: parts.addMessage(channel, name, schema, 'output', 'The public data of a person in the group.') }
}

function addRequests(parts: DocumentParts, consumer: string, { paths, requests }: LiveEndpoint): void {
  const address = paths.find((path) => path !== undefined) ?? null
  const others = paths.filter((path) => path !== address)
  const notes = [
    'The requests of clients.',
    ...(others.length === 0 ? [] : [`Also at ${others.map((path) => path ?? 'a regular expression').join(', ')}.`]),
    ...(requests === undefined ? ['They are unknown: an instance of the consumer needs a connection.'] : []),
  ]
  const messages: Entries = {}
  for (const [name, { schema }] of requests ?? []) {
    messages[name] = parts.addMessage(consumer, name, schema, 'input', 'A request, which the server answers.')
    parts.operations[`${consumer}.${name}`] = {
      action: 'receive',
      channel: { $ref: `#/channels/${consumer}` },
      messages: [{ $ref: `#/channels/${consumer}/messages/${name}` }],
    }
  }
  const parameters = [...(address ?? '').matchAll(/\{(\w+)\}/g)].map(([, name]) => [name, {}])
  parts.channels[consumer] = {
    address,
    description: notes.join(' '),
    ...(parameters.length > 0 && { parameters: Object.fromEntries(parameters) as Entries }),
    messages,
  }
}
