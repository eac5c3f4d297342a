import { describe, expect, it } from 'vitest'
import type { WebSocketSendEvent } from '../../src/asgi/websocket-events.ts'
import { nextWebSocketState, type WebSocketState } from '../../src/asgi/websocket-turns.ts'
import type { TidewayError } from '../../src/errors/tideway-error.ts'

const states: readonly WebSocketState[] = ['connecting', 'denying', 'open', 'closing', 'ended']

const events = {
  accept: { type: 'websocket.accept' },
  text: { type: 'websocket.send', text: '' },
  bytes: { type: 'websocket.send', bytes: Buffer.alloc(0) },
  close: { type: 'websocket.close' },
  start: { type: 'websocket.http.response.start', status: 401 },
  'a piece of the body': { type: 'websocket.http.response.body', moreBody: true },
  'the last piece of the body': { type: 'websocket.http.response.body' },
} satisfies Record<string, WebSocketSendEvent>

const closed = 'ERR_CONNECTION_CLOSED: The connection has ended: nothing can be sent on it.'
const notAccepted = 'ERR_OUT_OF_TURN: Call accept() before send(): the handshake is not complete.'
const outOfTurn = (type: string, why: string): string => `ERR_OUT_OF_TURN: websocket.${type} is out of turn: ${why}.`
const answered = (type: string): string => outOfTurn(type, 'the handshake has been answered')
const denying = (type: string): string => outOfTurn(type, 'a denial response has been started')
const noStart = outOfTurn('http.response.body', 'websocket.http.response.start comes first')

/** The result of each event, in the order of `states`. */
const expected: Readonly<Record<keyof typeof events, readonly string[]>> = {
  accept: ['open', answered('accept'), answered('accept'), answered('accept'), closed],
  text: [notAccepted, denying('send'), 'open', closed, closed],
  bytes: [notAccepted, denying('send'), 'open', closed, closed],
  close: ['ended', denying('close'), 'closing', 'closing', 'ended'],
  start: [
    'denying',
    answered('http.response.start'),
    answered('http.response.start'),
    answered('http.response.start'),
    closed,
  ],
  'a piece of the body': [noStart, 'denying', noStart, noStart, closed],
  'the last piece of the body': [noStart, 'ended', noStart, noStart, closed],
}

const pairs = Object.entries(expected).flatMap(([name, results]) =>
  states.map((state, i) => [name as keyof typeof events, state, results[i]!] as const),
)

/** The next state, or code and message of the error. */
function resultOf(state: WebSocketState, event: unknown): string {
  const next = nextWebSocketState(state, event as WebSocketSendEvent)
  return typeof next === 'string' ? next : textOf(next)
}

function textOf({ code, message }: TidewayError): string {
  return `${code}: ${message}`
}

describe('nextWebSocketState', () => {
  it.each(pairs)('answers %s in the state %s with %s', (name, state, result) => {
    expect(resultOf(state, events[name])).toBe(result)
  })

  it.each(states)('returns an error for an unknown event in the state %s', (state) => {
    expect(resultOf(state, { type: 'websocket.shout' })).toBe('ERR_BAD_EVENT: Unknown event "websocket.shout".')
    expect(resultOf(state, {})).toBe('ERR_BAD_EVENT: Unknown event "undefined".')
  })

  it.each(states)('returns an error for a close with a reserved code in the state %s', (state) => {
    expect(resultOf(state, { ...events.close, code: 1005 })).toBe(
      'ERR_BAD_EVENT: 1005 is not a code that a close frame may contain: use 1000 or 3000 to 4999.',
    )
  })

  it('allows the longest reason that a close frame can have, and a longer one before the accept', () => {
    const longest = { ...events.close, reason: `${'é'.repeat(61)}x` }
    const tooLong = { ...events.close, reason: 'é'.repeat(62) }
    const error = 'ERR_BAD_EVENT: A close reason has at most 123 bytes of UTF-8.'
    expect(resultOf('open', longest)).toBe('closing')
    expect(resultOf('connecting', tooLong)).toBe('ended')
    expect(states.slice(1).map((state) => resultOf(state, tooLong))).toEqual([error, error, error, error])
  })

  it.each([
    ['text with bytes as null', { text: 'a', bytes: null }, true],
    ['bytes with text as null', { text: null, bytes: Buffer.of(1) }, true],
    ['neither text nor bytes', {}, false],
    ['both as null', { text: null, bytes: null }, false],
    ['text and bytes', { text: '', bytes: Buffer.alloc(0) }, false],
    ['a number as text', { text: 1 }, false],
    ['text and a number as bytes', { text: 'a', bytes: 1 }, false],
    ['a list as bytes', { bytes: [1] }, false],
  ])('checks a message: %s', (_what, content, isAllowed) => {
    const error = 'ERR_BAD_EVENT: websocket.send needs a string as text or a Uint8Array as bytes, not both.'
    expect(resultOf('open', { type: 'websocket.send', ...content })).toBe(isAllowed ? 'open' : error)
  })
})
