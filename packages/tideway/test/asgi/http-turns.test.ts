import { describe, expect, it } from 'vitest'
import type { HttpSendEvent } from '../../src/asgi/http-events.ts'
import { nextHttpState, type HttpState } from '../../src/asgi/http-turns.ts'

const states: readonly HttpState[] = ['waiting', 'started', 'streaming', 'trailers', 'complete', 'disconnected']

const events = {
  start: { type: 'http.response.start', status: 200 },
  'an early hint': { type: 'http.response.early_hint', links: [] },
  'a piece of the body': { type: 'http.response.body', moreBody: true },
  'the last piece of the body': { type: 'http.response.body' },
  'some trailers': { type: 'http.response.trailers', headers: {}, moreTrailers: true },
  'the last trailers': { type: 'http.response.trailers', headers: {} },
} satisfies Record<string, HttpSendEvent>

const gone = 'ERR_CONNECTION_CLOSED: The client disconnected before its response was complete.'
const outOfTurn = (type: string, why: string): string =>
  `ERR_OUT_OF_TURN: http.response.${type} is out of turn: ${why}.`
const started = outOfTurn('start', 'the response has already started')
const sent = outOfTurn('early_hint', 'the response has already been sent')
const noStart = outOfTurn('body', 'send http.response.start first')
const complete = outOfTurn('body', 'the response is complete')
const noTrailers = outOfTurn('trailers', 'send it after the last body of a response started with trailers')

/** The result of each event, in the order of `states`. */
const expected: Readonly<Record<keyof typeof events, readonly string[]>> = {
  start: ['started', started, started, started, started, gone],
  'an early hint': ['waiting', 'started', sent, sent, sent, gone],
  'a piece of the body': [noStart, 'streaming', 'streaming', complete, complete, gone],
  'the last piece of the body': [noStart, 'complete', 'complete', complete, complete, gone],
  'some trailers': [noTrailers, noTrailers, noTrailers, 'trailers', noTrailers, gone],
  'the last trailers': [noTrailers, noTrailers, noTrailers, 'complete', noTrailers, gone],
}

const pairs = Object.entries(expected).flatMap(([name, results]) =>
  states.map((state, i) => [name as keyof typeof events, state, results[i]!] as const),
)

/** The next state, or code and message of the error. */
function resultOf(state: HttpState, event: unknown, hasTrailers = false): string {
  const next = nextHttpState(state, event as HttpSendEvent, hasTrailers)
  return typeof next === 'string' ? next : `${next.code}: ${next.message}`
}

describe('nextHttpState', () => {
  it.each(pairs)('answers %s in the state %s with %s', (name, state, result) => {
    expect(resultOf(state, events[name])).toBe(result)
  })

  it('waits for announced trailers after the last piece of the body', () => {
    const last = events['the last piece of the body']
    expect(resultOf('started', last, true)).toBe('trailers')
    expect(resultOf('streaming', last, true)).toBe('trailers')
    expect(resultOf('streaming', events['a piece of the body'], true)).toBe('streaming')
  })

  it.each(states)('returns an error for an unknown event in the state %s', (state) => {
    const error = 'ERR_BAD_EVENT: Unknown event "http.shout".'
    expect(resultOf(state, { type: 'http.shout' })).toBe(state === 'disconnected' ? gone : error)
  })

  it.each([199, 1000, 200.5, Number.NaN, '200', undefined])('returns an error for the status %s', (status) => {
    expect(resultOf('waiting', { ...events.start, status })).toBe(
      `ERR_BAD_EVENT: http.response.start needs a status of 200 to 999, not ${status}.`,
    )
  })

  it.each([200, 999])('allows the status %d', (status) => {
    expect(resultOf('waiting', { ...events.start, status })).toBe('started')
  })
})
