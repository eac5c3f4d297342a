import { readFileSync } from 'node:fs'
import { Ajv } from 'ajv'
import formats from 'ajv-formats'
import { describe, expect, it } from 'vitest'
import { asyncApiDocument } from '../../src/cli/asyncapi/document.ts'
import { liveEndpoints } from '../../src/cli/asyncapi/live-endpoints.ts'
import { z } from 'zod'
import { defineGroup } from '../../src/live/define-group.ts'
import { LiveConsumer } from '../../src/live/live-consumer.ts'
import { path } from '../../src/routing/route.ts'
import { urlRouter } from '../../src/routing/url-router.ts'
import { Command, fixture, fixtureSource } from './command.ts'
import application from './fixtures/asyncapi/application.ts'

interface Document {
  readonly asyncapi: string
  readonly info: object
  readonly channels: Readonly<Record<string, { readonly address: string | null; readonly description: string }>>
  readonly operations: Readonly<Record<string, { readonly action: string }>>
  readonly components: {
    readonly messages: Readonly<Record<string, { readonly description: string }>>
    readonly schemas: Readonly<Record<string, object>>
  }
}

const officialSchema = JSON.parse(readFileSync(fixtureSource('asyncapi/asyncapi-3.0.0.json'), 'utf8')) as object
const ajv = new Ajv({ strict: false, allErrors: true })
formats.default(ajv)
const validate = ajv.compile(officialSchema)

/** What the official schema of AsyncAPI 3.0 finds wrong. */
function problemsOf(document: object): unknown {
  validate(document)
  return validate.errors
}

describe('tideway asyncapi', () => {
  const document = asyncApiDocument(
    { title: 'Chat', version: '2.1.0' },
    liveEndpoints(application),
  ) as unknown as Document

  it('prints the document, and ends in spite of open handles of the application', async () => {
    const flags = ['--title', 'Chat', '--api-version', '2.1.0']
    const command = new Command(['asyncapi', fixture('asyncapi/application.ts'), ...flags])
    expect(await command.exitCode()).toBe(0)
    expect(JSON.parse(command.output)).toEqual(document)
  })

  it('makes a document that the official schema of AsyncAPI 3.0 accepts', () => {
    expect(document).toMatchObject({ asyncapi: '3.0.0', info: { title: 'Chat', version: '2.1.0' } })
    expect(problemsOf(document)).toBeNull()
    const { channels, ...rest } = document
    expect(problemsOf({ ...rest, channels: { chat: { ...channels['ChatConsumer'], address: 7 } } })).not.toBeNull()
  })

  it('has a channel for each family of groups and each consumer, also behind middleware and in inner routers', () => {
    expect(Object.entries(document.channels).map(([name, { address }]) => [name, address])).toEqual([
      ['ChatConsumer.room', 'room.{id}'],
      ['ChatConsumer', '/ws/rooms/{room}/'],
      ['Bound', null],
    ])
    expect(document.channels['ChatConsumer']).toMatchObject({
      parameters: { room: {} },
      description: 'The requests of clients. Also at /ws/{year}/.',
    })
    expect(document.channels['ChatConsumer.room']!.description).toContain('200 events for 86400000 ms')
    expect(document.channels['Bound']!.description).toContain('They are unknown')
  })

  it('describes a group with values', () => {
    class Dashboard extends LiveConsumer<{}, {}> {
      static override groups = { prices: defineGroup('prices', { state: z.object({ bid: z.number() }) }) }
    }
    const endpoints = liveEndpoints(urlRouter([path('ws/', Dashboard.asApplication())]))
    const state = asyncApiDocument({ title: 'Prices', version: '1' }, endpoints) as unknown as Document
    expect(problemsOf(state)).toBeNull()
    expect(state.channels['Dashboard.prices']!.description).toContain('at most 1000 keys')
    expect(Object.keys(state.operations)).toEqual(['Dashboard.prices.values'])
    expect(state.components.schemas['Dashboard.prices.value']).toMatchObject({
      properties: { bid: { type: 'number' } },
    })
  })

  it('sends the events and receives the requests', () => {
    expect(Object.entries(document.operations).map(([name, { action }]) => [name, action])).toEqual([
      ['ChatConsumer.room.events', 'send'],
      ['ChatConsumer.say', 'receive'],
      ['ChatConsumer.count', 'receive'],
      ['ChatConsumer.room', 'receive'],
    ])
  })

  it('has the JSON Schema of the data, with references to its place', () => {
    const { schemas } = document.components
    expect(schemas['ChatConsumer.room.said']).toMatchObject({
      type: 'object',
      properties: { user: { type: 'string' }, text: { type: 'string', maxLength: 2000 } },
    })
    expect(schemas['ChatConsumer.room._presence']).toMatchObject({ properties: { name: { type: 'string' } } })
    expect(schemas['ChatConsumer.say']).toMatchObject({ properties: { text: { type: 'string' } } })
    const withPlanted = new Ajv({ strict: false }).compile({
      $ref: '#/components/schemas/ChatConsumer.room.planted',
      components: document.components,
    })
    expect(withPlanted({ name: 'a', children: [{ name: 'b', children: [] }] })).toBe(true)
    expect(withPlanted({ name: 'a', children: [{ name: 'b' }] })).toBe(false)
  })

  it('describes any value, with a note, if the library has no JSON Schema for it', () => {
    const { schemas, messages } = document.components
    for (const key of ['ChatConsumer.room.typing', 'ChatConsumer.count', 'ChatConsumer.room']) {
      expect(schemas[key]).toEqual({})
      expect(messages[key]!.description).toContain('offers no JSON Schema')
    }
    expect(messages['ChatConsumer.room.typing']!.description).toMatch(/^Volatile: /)
    expect(messages['ChatConsumer.say']!.description).not.toContain('JSON Schema')
  })

  it('says on standard error that it has found no live consumer', async () => {
    const command = new Command(['asyncapi', fixture('doctor/sound/application.ts')])
    expect(await command.exitCode()).toBe(0)
    expect(command.output).toContain('The application has no live consumers')
  })
})

describe('asyncApiDocument', () => {
  it('has different names for classes of the same name', () => {
    const classes = [1, 2].map(() => class Chat extends LiveConsumer<{}, {}> {})
    const application = urlRouter(classes.map((type, index) => path(`${index}/`, type.asApplication())))
    const document = asyncApiDocument({ title: 'Two', version: '1' }, liveEndpoints(application))
    expect(Object.keys((document as unknown as Document).channels)).toEqual(['Chat', 'Chat2'])
    expect(problemsOf(document)).toBeNull()
  })
})
