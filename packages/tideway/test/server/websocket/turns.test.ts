import { describe, expect, it } from 'vitest'
import type { SendOf } from '../../../src/asgi/application.ts'
import type { WebSocketScope } from '../../../src/asgi/scope.ts'
import type { WebSocketSendEvent } from '../../../src/asgi/websocket-events.ts'
import { TidewayError } from '../../../src/errors/tideway-error.ts'
import { RawClient, requestText, validHandshake } from '../raw-client.ts'
import { serving } from '../serving.ts'

const ACCEPT = { type: 'websocket.accept' } as const
const CLOSE = { type: 'websocket.close' } as const
const TEXT = { type: 'websocket.send', text: 'hello' } as const
const DENIAL = { type: 'websocket.http.response.start', status: 403 } as const
const BODY = { type: 'websocket.http.response.body', body: 'no', moreBody: true } as const

/** Sends these events and answers with what the last of them threw. */
async function problemOf(...events: readonly unknown[]): Promise<unknown> {
  let found!: (problem: unknown) => void
  const problem = new Promise<unknown>((resolve) => {
    found = resolve
  })
  const server = await serving({
    websocket: async (_scope, _receive, send) => {
      for (const event of events.slice(0, -1)) await send(event as WebSocketSendEvent)
      found(await catchFrom(send, events.at(-1)))
    },
  })
  const client = await RawClient.connect(server.port)
  client.write(requestText('GET / HTTP/1.1', validHandshake))
  try {
    return await problem
  } finally {
    client.socket.destroy()
  }
}

async function catchFrom(send: SendOf<WebSocketScope>, event: unknown): Promise<unknown> {
  try {
    await send(event as WebSocketSendEvent)
    return undefined
  } catch (error) {
    expect(error).toBeInstanceOf(TidewayError)
    const { code, message } = error as TidewayError
    return `${code}: ${message}`
  }
}

describe('an application before its accept', () => {
  it('cannot send a message, and the error names the call to make first', async () => {
    expect(await problemOf(TEXT)).toBe('ERR_OUT_OF_TURN: Call accept() before send(): the handshake is not complete.')
  })

  it('cannot send the body of a denial response', async () => {
    expect(await problemOf(BODY)).toBe(
      'ERR_OUT_OF_TURN: websocket.http.response.body is out of turn: websocket.http.response.start comes first.',
    )
  })
})

describe('an application after its accept', () => {
  it('cannot accept again', async () => {
    expect(await problemOf(ACCEPT, ACCEPT)).toBe(
      'ERR_OUT_OF_TURN: websocket.accept is out of turn: the handshake has been answered.',
    )
  })

  it('cannot send a denial response or its body', async () => {
    expect(await problemOf(ACCEPT, DENIAL)).toBe(
      'ERR_OUT_OF_TURN: websocket.http.response.start is out of turn: the handshake has been answered.',
    )
    expect(await problemOf(ACCEPT, BODY)).toMatch(/^ERR_OUT_OF_TURN/)
  })
})

describe('an application after the start of a denial response', () => {
  it.each([
    ['an accept', ACCEPT, 'websocket.accept is out of turn: the handshake has been answered.'],
    ['another start', DENIAL, 'websocket.http.response.start is out of turn: the handshake has been answered.'],
    ['a close', CLOSE, 'websocket.close is out of turn: a denial response has been started.'],
    ['a message', TEXT, 'websocket.send is out of turn: a denial response has been started.'],
  ])('cannot send %s', async (_what, event, message) => {
    expect(await problemOf(DENIAL, event)).toBe(`ERR_OUT_OF_TURN: ${message}`)
    expect(await problemOf(DENIAL, BODY, event)).toBe(`ERR_OUT_OF_TURN: ${message}`)
  })
})

describe('an application after the end', () => {
  const CLOSED = 'ERR_CONNECTION_CLOSED: The connection has ended: nothing can be sent on it.'

  it.each([
    ['send a message after its close', [ACCEPT, CLOSE, TEXT]],
    ['accept after its refusal', [CLOSE, ACCEPT]],
    ['send a message after its refusal', [CLOSE, TEXT]],
    ['deny after its refusal', [CLOSE, DENIAL]],
    ['send more body after the end of the denial', [DENIAL, { ...BODY, moreBody: false }, BODY]],
  ])('cannot %s', async (_what, events) => {
    expect(await problemOf(...events)).toBe(CLOSED)
  })

  it('may close a second time', async () => {
    expect(await problemOf(ACCEPT, CLOSE, CLOSE)).toBeUndefined()
    expect(await problemOf(CLOSE, CLOSE)).toBeUndefined()
  })
})

describe('an event that is malformed', () => {
  it.each<[string, readonly unknown[], RegExp]>([
    ['an unknown type', [{ type: 'websocket.sned' }], /Unknown event "websocket.sned"/],
    ['no type', [{}], /Unknown event/],
    ['a message without content', [ACCEPT, { type: 'websocket.send' }], /needs a string as text or a Uint8Array/],
    [
      'a text that is not a string',
      [ACCEPT, { type: 'websocket.send', text: 5 }],
      /needs a string as text or a Uint8Array/,
    ],
    [
      'bytes that are not a Uint8Array',
      [ACCEPT, { type: 'websocket.send', bytes: [1] }],
      /needs a string as text or a Uint8Array/,
    ],
    ['text and bytes', [ACCEPT, { ...TEXT, bytes: Buffer.of(1) }], /not both/],
    [
      'a close code that is reserved',
      [ACCEPT, { ...CLOSE, code: 1005 }],
      /1005 is not a code that a close frame may contain/,
    ],
    [
      'a close code that is not a number',
      [ACCEPT, { ...CLOSE, code: '1000' }],
      /not a code that a close frame may contain/,
    ],
    ['a close code below the range', [CLOSE, { ...CLOSE, code: 999 }], /999/],
    ['a reason of 124 bytes', [ACCEPT, { ...CLOSE, reason: 'é'.repeat(62) }], /at most 123 bytes/],
  ])('is refused with ERR_BAD_EVENT: %s', async (_what, events, message) => {
    const problem = await problemOf(...events)
    expect(problem).toMatch(/^ERR_BAD_EVENT/)
    expect(problem).toMatch(message)
  })

  it('may have unknown keys, and null or undefined for absent values', async () => {
    expect(await problemOf({ ...ACCEPT, unknown: 1, subprotocol: undefined, headers: undefined })).toBeUndefined()
    expect(await problemOf(ACCEPT, { ...TEXT, bytes: null })).toBeUndefined()
    expect(await problemOf(ACCEPT, { type: 'websocket.send', text: null, bytes: Buffer.of(1) })).toBeUndefined()
  })
})
