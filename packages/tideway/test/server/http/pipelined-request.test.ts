import { expect, it } from 'vitest'
import { nodeListener } from '../../../src/server/http/node-listener.ts'
import { RawClient, requestText, validHandshake } from '../raw-client.ts'
import { eventually, serving } from '../serving.ts'

const requests = ['/1', '/2', '/3'].map((path) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`).join('')

it('ends all pipelined requests of a client that disconnects', async () => {
  const told: string[] = []
  const server = await serving({
    http: async ({ path }, receive) => {
      told.push(`request ${path}`)
      while ((await receive()).type !== 'http.disconnect');
      told.push(`end ${path}`)
    },
  })
  const client = await RawClient.connect(server.port)
  client.write(requests)
  await eventually(() => told.length).toBe(3)
  client.socket.destroy()
  await eventually(() => told.slice(3).toSorted()).toEqual(['end /1', 'end /2', 'end /3'])
  expect(server.stats().requests).toMatchObject({ running: 0, aborted: 3 })
})

it('answers pipelined requests in order, and ends each once', async () => {
  const closed: string[] = []
  const waiting: (() => void)[] = []
  const server = await serving({
    http: nodeListener(({ url }, response) => {
      response.on('close', () => closed.push(url!))
      waiting.unshift(() => response.end(url))
    }),
  })
  const client = await RawClient.connect(server.port)
  client.write(requests)
  await eventually(() => waiting.length).toBe(3)
  for (const answer of waiting) answer()
  await eventually(() => closed).toEqual(['/1', '/2', '/3'])
  const bodies = (): (string | undefined)[] =>
    [...client.received.toString().matchAll(/\r\n\r\n(\/\d)/g)].map(([, body]) => body)
  await eventually(bodies).toEqual(['/1', '/2', '/3'])
  client.socket.destroy()
  await eventually(() => server.stats().sockets.open).toBe(0)
  expect(closed.length).toBe(3)
  expect(server.stats().requests).toMatchObject({ running: 0, aborted: 0, responses: { '2xx': 3 } })
})

it.each([
  ['an upgrade', requestText('GET / HTTP/1.1', validHandshake)],
  ['a CONNECT', requestText('CONNECT a:1 HTTP/1.1', { Host: 'a:1' })],
])('ends only the connection of a client that disconnects after %s that the server ignores', async (_kind, ignored) => {
  let isAsked = false
  const server = await serving(
    { http: nodeListener(() => (isAsked = true)) },
    // The server ignores the second request.
    { maxRequestsPerConnection: 1 },
  )
  const client = await RawClient.connect(server.port)
  client.write(`GET / HTTP/1.1\r\nHost: a\r\n\r\n${ignored}`)
  await eventually(() => isAsked).toBe(true)
  client.socket.resetAndDestroy()
  await eventually(() => server.stats().sockets.open).toBe(0)
})

it('ends only the connection of a client that disconnects after its upgrade, before the answer', async () => {
  let answer: (() => void) | undefined
  const server = await serving({
    http: async (_scope, _receive, send) => {
      await new Promise<void>((resolve) => (answer = resolve))
      await send({ type: 'http.response.start', status: 200 })
      await send({ type: 'http.response.body', body: 'late' })
    },
  })
  const upgrade = requestText('GET / HTTP/1.1', validHandshake)
  const client = await RawClient.connect(server.port)
  client.write(`GET / HTTP/1.1\r\nHost: a\r\n\r\n${upgrade}`)
  await eventually(() => answer).toBeDefined()
  // Both in one turn, so that the answer meets the fault before the server has read of it.
  client.socket.resetAndDestroy()
  answer!()
  await eventually(() => server.stats().sockets.open).toBe(0)
})
