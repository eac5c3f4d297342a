import { describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import {
  compressionDefaults,
  type CompressionOptions,
} from '../../../src/server/websocket/deflate/compression-options.ts'
import { Compression } from '../../../src/server/websocket/deflate/compression.ts'
import { parseExtensions } from '../../../src/server/websocket/deflate/extension-header.ts'
import { echo } from '../applications.ts'
import { requestText, validHandshake, RawClient } from '../raw-client.ts'
import { serving } from '../serving.ts'
import { openOffering } from './client.ts'

/** Nothing that the server asks for by itself. */
const modest: CompressionOptions = { serverNoContextTakeover: false, clientNoContextTakeover: false }

function answer(header: string, options: CompressionOptions = modest): string | undefined {
  const agreed = new Compression(options).negotiate(header)
  return typeof agreed === 'string' ? agreed : agreed?.response
}

describe('the parser of Sec-WebSocket-Extensions (RFC 6455 §9.1)', () => {
  it.each([
    ['foo', [['foo']]],
    ['foo, bar', [['foo'], ['bar']]],
    ['foo;a;b=1;c="x"', [['foo', ['a', true], ['b', '1'], ['c', 'x']]]],
    [
      ' foo ; a = 1 ,\tbar ;\tb ',
      [
        ['foo', ['a', '1']],
        ['bar', ['b', true]],
      ],
    ],
    ['foo,,bar', [['foo'], ['bar']]],
    [', foo ,', [['foo']]],
    ['foo; a=1; a=2', [['foo', ['a', '1'], ['a', '2']]]],
    ['foo;a="b\\c"', [['foo', ['a', 'bc']]]],
    ['', []],
    [' ', []],
    [' ,\t,', []],
  ])('parses %j', (header, expected) => {
    const offers = parseExtensions(header)?.map(({ name, parameters }) => [name, ...parameters])
    expect(offers).toEqual(expected)
  })

  it.each([
    'foo;',
    'foo;=1',
    'foo;a=',
    'foo a',
    'foo;a="b',
    'foo;a=""',
    'foo;a="b c"',
    'foo;a="b\\"c"',
    'foo;a="b\\ c"',
    'foo;a="b\\"',
    'fo(o',
    'foo;a=1 2',
    'é',
    '"foo"',
  ])('refuses %j', (header) => {
    expect(parseExtensions(header)).toBeUndefined()
  })

  it('needs time in proportion to the header', () => {
    const header = 'a;'.repeat(8000)
    expect(parseExtensions(header)).toBeUndefined()
    expect(parseExtensions(`${' '.repeat(8000)},`)).toEqual([])
    expect(parseExtensions(`foo${';a'.repeat(5000)}`)?.[0]?.parameters).toHaveLength(5000)
  })
})

describe('negotiation (RFC 7692 §7.1)', () => {
  it.each([
    ['permessage-deflate', 'permessage-deflate'],
    ['permessage-deflate; client_max_window_bits', 'permessage-deflate'],
    ['permessage-deflate; client_max_window_bits=15', 'permessage-deflate'],
    ['permessage-deflate; client_max_window_bits=8', 'permessage-deflate; client_max_window_bits=8'],
    ['permessage-deflate; client_max_window_bits="10"', 'permessage-deflate; client_max_window_bits=10'],
    ['permessage-deflate; server_max_window_bits=9', 'permessage-deflate; server_max_window_bits=9'],
    ['permessage-deflate; server_max_window_bits=15', 'permessage-deflate; server_max_window_bits=15'],
    ['permessage-deflate; server_no_context_takeover', 'permessage-deflate; server_no_context_takeover'],
    ['permessage-deflate; client_no_context_takeover', 'permessage-deflate; client_no_context_takeover'],
    [
      'permessage-deflate; client_max_window_bits=12; server_max_window_bits=10; client_no_context_takeover; server_no_context_takeover',
      'permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=10; client_max_window_bits=12',
    ],
  ])('accepts %s', (offer, expected) => {
    expect(answer(offer)).toBe(expected)
  })

  it.each([
    ['of another extension', 'x-webkit-deflate-frame'],
    ['with an unknown parameter', 'permessage-deflate; foo'],
    ['with a parameter twice', 'permessage-deflate; client_max_window_bits; client_max_window_bits=10'],
    ['with a value where none belongs', 'permessage-deflate; server_no_context_takeover=1'],
    ['with a value where none belongs', 'permessage-deflate; client_no_context_takeover=true'],
    ['without the value that is needed', 'permessage-deflate; server_max_window_bits'],
    ['with bits below 8', 'permessage-deflate; client_max_window_bits=7'],
    ['with bits over 15', 'permessage-deflate; server_max_window_bits=16'],
    ['with a leading zero', 'permessage-deflate; server_max_window_bits=09'],
    ['with no number', 'permessage-deflate; client_max_window_bits=x'],
    ['with a fraction', 'permessage-deflate; client_max_window_bits=10.0'],
    ['in other case', 'Permessage-Deflate'],
    ['for a window that zlib cannot deflate with', 'permessage-deflate; server_max_window_bits=8'],
  ])('declines an offer %s: %s', (_why, offer) => {
    expect(answer(offer)).toBeUndefined()
  })

  it('accepts the first of several offers that it supports', () => {
    const offers = [
      'foo',
      'permessage-deflate; bar',
      'permessage-deflate; server_max_window_bits=8',
      'permessage-deflate; server_max_window_bits=10',
      'permessage-deflate',
    ]
    expect(answer(offers.join(', '))).toBe('permessage-deflate; server_max_window_bits=10')
  })

  it('by default declares no context takeover of the server, and requests none of a client that has not offered it', () => {
    expect(answer('permessage-deflate; client_max_window_bits', {})).toBe(
      'permessage-deflate; server_no_context_takeover',
    )
    expect(answer('permessage-deflate; client_no_context_takeover', {})).toBe(
      'permessage-deflate; server_no_context_takeover; client_no_context_takeover',
    )
  })

  it('requests no context takeover of the client if the option is set', () => {
    expect(answer('permessage-deflate', { clientNoContextTakeover: true })).toBe(
      'permessage-deflate; server_no_context_takeover; client_no_context_takeover',
    )
  })

  it.each([
    ['permessage-deflate', 'permessage-deflate; server_max_window_bits=10'],
    ['permessage-deflate; server_max_window_bits=12', 'permessage-deflate; server_max_window_bits=10'],
    ['permessage-deflate; server_max_window_bits=9', 'permessage-deflate; server_max_window_bits=9'],
  ])('compresses with the smaller window of client and server: %s', (offer, expected) => {
    expect(answer(offer, { ...modest, serverMaxWindowBits: 10 })).toBe(expected)
  })

  it.each([
    ['permessage-deflate', undefined],
    ['permessage-deflate; client_max_window_bits', 'permessage-deflate; client_max_window_bits=10'],
    ['permessage-deflate; client_max_window_bits=12', 'permessage-deflate; client_max_window_bits=10'],
    ['permessage-deflate; client_max_window_bits=9', 'permessage-deflate; client_max_window_bits=9'],
  ])('limits the window of a client that supports it, and declines the offer of another: %s', (offer, expected) => {
    expect(answer(offer, { ...modest, clientMaxWindowBits: 10 })).toBe(expected)
  })
})

describe('a handshake with permessage-deflate', () => {
  it('is answered without compression by default', async () => {
    const server = await serving({ websocket: echo })
    expect(await openOffering(server.port, 'permessage-deflate')).toMatchObject({ status: 101, agreed: undefined })
    expect(await openOffering(server.port, 'foo;')).toMatchObject({ status: 101, agreed: undefined })
  })

  it('is answered with the negotiated parameters, or continues without compression', async () => {
    const server = await serving({ websocket: echo }, { compression: modest })
    const open = (offer: string | undefined) => openOffering(server.port, offer)
    expect(await open('permessage-deflate')).toMatchObject({ status: 101, agreed: 'permessage-deflate' })
    expect(await open('permessage-deflate; foo')).toMatchObject({ status: 101, agreed: undefined })
    expect(await open(undefined)).toMatchObject({ status: 101, agreed: undefined })
  })

  it('is refused by 400 when the header is malformed (RFC 6455 §9.1)', async () => {
    const server = await serving({ websocket: echo }, { compression: {} })
    expect((await openOffering(server.port, 'permessage-deflate; =1')).status).toBe(400)
  })

  it('may have its offers in several headers', async () => {
    const server = await serving({ websocket: echo }, { compression: modest })
    const client = await RawClient.connect(server.port)
    const offers = ['permessage-deflate; foo', 'permessage-deflate; server_max_window_bits=10']
    client.write(requestText('GET / HTTP/1.1', { ...validHandshake, 'Sec-WebSocket-Extensions': offers }))
    const { headers } = await client.head()
    expect(headers['sec-websocket-extensions']).toBe('permessage-deflate; server_max_window_bits=10')
  })

  it('uses no compression if the client did not offer it', async () => {
    const server = await serving({ websocket: echo }, { compression: { thresholdBytes: 0 } })
    const client = new WebSocket(server.webSocketUrl, { perMessageDeflate: false })
    client.on('open', () => client.send('x'.repeat(5000)))
    const text = await new Promise((resolve) => client.on('message', (data: Buffer) => resolve(data.toString())))
    expect(client.extensions).toBe('')
    expect(text).toBe('x'.repeat(5000))
  })
})

describe('the options of compression', () => {
  it.each([
    ['thresholdBytes', -1],
    ['serverMaxWindowBits', 8],
    ['serverMaxWindowBits', 16],
    ['clientMaxWindowBits', 8],
    ['clientMaxWindowBits', 16],
    ['level', 0],
    ['level', 10],
    ['memLevel', 0],
    ['memLevel', 10],
    ['threadBytes', 0],
    ['concurrency', 0],
    ['concurrency', 1.5],
    ['level', Number.NaN],
  ] as const)('%s cannot be %d', async (name, value) => {
    const started = serving({ websocket: echo }, { compression: { [name]: value } })
    await expect(started).rejects.toMatchObject({
      code: 'ERR_BAD_OPTION',
      message: expect.stringContaining(`compression.${name} must be a whole number`) as string,
    })
  })

  it('may be at their bounds, or undefined', () => {
    const least = { thresholdBytes: 0, serverMaxWindowBits: 9, clientMaxWindowBits: 9, level: 1, memLevel: 1 }
    expect(new Compression({ ...least, threadBytes: 1, concurrency: 1 }).options).toMatchObject(least)
    const none = { level: undefined } as unknown as CompressionOptions
    expect(new Compression(none).options).toEqual(compressionDefaults)
  })
})
