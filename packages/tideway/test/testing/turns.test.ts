import { defineApplication, TidewayError } from 'tideway'
import type { Application, HttpScope, WebSocketScope } from 'tideway/asgi'
import { HttpCommunicator, liveServer, WebSocketCommunicator, type LiveServer } from 'tideway/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'

/** `"taken"`, or the code of the error. */
type Verdict = string

/** Sends the events, and returns the result of the last one. */
async function verdictOn(send: unknown, events: readonly unknown[]): Promise<Verdict> {
  let verdict: Verdict = 'taken'
  for (const event of events) {
    try {
      await (send as (event: unknown) => void | Promise<void>)(event)
      verdict = 'taken'
    } catch (error) {
      if (!(error instanceof TidewayError)) throw error
      verdict = error.code
    }
  }
  return verdict
}

const accept = { type: 'websocket.accept' }
const send = { type: 'websocket.send', text: 'hello' }
const close = { type: 'websocket.close', code: 4000 }
const start = { type: 'websocket.http.response.start', status: 401 }
const body = { type: 'websocket.http.response.body', body: 'no' }
const moreBody = { ...body, moreBody: true }

const webSocketCases: readonly (readonly [string, readonly unknown[]])[] = [
  ['accept', [accept]],
  ['accept with a subprotocol that was offered', [{ ...accept, subprotocol: 'v2' }]],
  ['accept with a subprotocol that was not offered', [{ ...accept, subprotocol: 'v3' }]],
  ['accept with a header that splits the response', [{ ...accept, headers: { 'X-A': 'a\r\nb' } }]],
  ['accept with the subprotocol as a header', [{ ...accept, headers: { 'Sec-WebSocket-Protocol': 'v1' } }]],
  ['accept twice', [accept, accept]],
  ['a message before the accept', [send]],
  ['a message', [accept, send]],
  ['an empty message', [accept, { ...send, text: '' }]],
  ['a message without content', [accept, { type: 'websocket.send' }]],
  ['a message of text and of bytes', [accept, { ...send, bytes: Buffer.from('a') }]],
  ['a message of text, with bytes as null', [accept, { ...send, bytes: null }]],
  ['a message that is a number', [accept, { type: 'websocket.send', text: 1 }]],
  ['close before the accept', [close]],
  ['close', [accept, close]],
  ['close twice', [accept, close, close]],
  ['a message after the close', [accept, close, send]],
  ['close with a code that cannot be sent', [accept, { ...close, code: 1006 }]],
  ['close with a code out of range', [accept, { ...close, code: 5000 }]],
  ['close with a reason of 123 bytes', [accept, { ...close, reason: 'x'.repeat(123) }]],
  ['close with a reason of 124 bytes', [accept, { ...close, reason: 'é'.repeat(62) }]],
  ['a denial', [start, body]],
  ['a denial in pieces', [start, moreBody, body]],
  ['a denial with an invalid status', [{ ...start, status: 99 }]],
  ['a denial with a bad header', [{ ...start, headers: { 'X A': 'b' } }]],
  ['a denial after the accept', [accept, start]],
  ['the body of a denial first', [body]],
  ['an accept within a denial', [start, accept]],
  ['a message within a denial', [start, send]],
  ['close within a denial', [start, close]],
  ['a body after the denial', [start, body, body]],
  ['a message after the denial', [start, body, send]],
  ['accept after the refusal', [close, accept]],
  ['an unknown event', [{ type: 'websocket.shout' }]],
  ['an unknown event after the refusal', [close, { type: 'websocket.shout' }]],
  ['close after the refusal', [close, close]],
  ['close with a code that cannot be sent after the close', [accept, close, { ...close, code: 1006 }]],
  ['close with a code that cannot be sent within a denial', [start, { ...close, code: 1006 }]],
]

const head = { type: 'http.response.start', status: 200 }
const piece = { type: 'http.response.body', body: 'a', moreBody: true }
const last = { type: 'http.response.body', body: 'a' }
const trailers = { type: 'http.response.trailers', headers: {} }

const httpCases: readonly (readonly [string, readonly unknown[]])[] = [
  ['a head', [head]],
  ['a head with a status of 100', [{ ...head, status: 100 }]],
  ['a head without a status', [{ type: 'http.response.start' }]],
  ['a head with a bad header', [{ ...head, headers: { 'X-A': 'a\r\nb' } }]],
  ['two heads', [head, head]],
  ['a body first', [last]],
  ['a body', [head, last]],
  ['a body in pieces', [head, piece, last]],
  ['a head within the body', [head, piece, head]],
  ['a body after the last', [head, last, last]],
  ['trailers that were not promised', [head, last, trailers]],
  ['trailers', [{ ...head, trailers: true }, last, trailers]],
  ['trailers before the last body', [{ ...head, trailers: true }, piece, trailers]],
  ['a body after the trailers', [{ ...head, trailers: true }, last, trailers, last]],
  ['an unknown event', [{ type: 'http.shout' }]],
  ['an early hint', [{ type: 'http.response.early_hint', links: ['</a.css>; rel=preload'] }, head]],
  ['an early hint after the head', [head, { type: 'http.response.early_hint', links: [] }]],
  ['an early hint after the body', [head, piece, { type: 'http.response.early_hint', links: [] }]],
]

// The two share the rules of the turns (src/asgi/*-turns.ts) and differ in when a connection ends.
describe('a communicator and the server', () => {
  let server: LiveServer
  let events: readonly unknown[] = []
  let verdict: Promise<Verdict>

  const judged = <S extends WebSocketScope | HttpScope>(application: Application<S>): Application<S> => application
  const websocket = judged<WebSocketScope>(async (_scope, receive, send) => {
    await receive()
    verdict = verdictOn(send, events)
    await verdict
  })
  const http = judged<HttpScope>(async (_scope, _receive, send) => {
    verdict = verdictOn(send, events)
    await verdict
  })

  beforeAll(async () => {
    const logger = { debug() {}, info() {}, warn() {}, error() {} }
    server = await liveServer(defineApplication({ websocket, http }), { logger })
  })

  afterAll(() => server.close())

  it.each(webSocketCases)('agree on %s', async (_what, given) => {
    events = given
    const socket = new WebSocketCommunicator(websocket, '/', { subprotocols: ['v1', 'v2'] })
    await socket.connect().catch(() => {})
    const ours = await verdict

    const client = new WebSocket(server.webSocketUrl, ['v1', 'v2'])
    // A rejected handshake is an error of this client. Its name does not matter here.
    client.once('error', () => {})
    await new Promise((resolve) => client.once('close', resolve))
    expect(ours).toBe(await verdict)
  })

  it.each(httpCases)('agree on %s', async (_what, given) => {
    events = given
    const request = new HttpCommunicator(http, 'GET', '/')
    await request.wait()
    const ours = await verdict

    await fetch(server.url).then(
      (response) => response.text().catch(() => ''),
      () => '',
    )
    expect(ours).toBe(await verdict)
  })
})
