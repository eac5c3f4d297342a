import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LiveCommunicator, liveServer, WebSocketCommunicator } from 'tideway/testing'
import application from '../application.ts'
import type { ChatConsumer } from '../chat/consumers.ts'

/** A page in a room. A browser sends the origin of the page, and the name of the live protocol. */
async function enter(room: string, Origin = 'http://localhost') {
  const options = { headers: { Origin }, subprotocols: ['tideway.v1.json'], timeoutMs: 10_000 }
  const client = new LiveCommunicator<typeof ChatConsumer>(new WebSocketCommunicator(application, '/ws/chat/', options))
  await client.connect()
  await client.join('room', room)
  return client
}

test('a message reaches every client in the room, including the sender', async () => {
  const room = 'lobby'
  const [anna, jun] = [await enter(room), await enter(room)]
  await anna.request('say', { room, text: 'hello' })
  for (const client of [anna, jun]) {
    const { data } = await client.nextEvent('room', room)
    assert.deepEqual({ ...data, key: '' }, { key: '', user: '', text: 'hello' })
  }
  await anna.disconnect()
  await jun.disconnect()
})

test('a client cannot say anything in a room that it has not joined', async () => {
  const anna = await enter('lobby')
  await assert.rejects(anna.request('say', { room: 'kitchen', text: 'hello' }), /Join the room first/)
  await anna.disconnect()
})

test('a page of another site cannot connect', async () => {
  await assert.rejects(enter('lobby', 'https://example.org'))
})

test('a room has a page, and the page has its client', async (t) => {
  const server = await liveServer(application)
  t.after(() => server.close())

  const response = await fetch(`${server.url}/chat/lobby/`)
  assert.equal(response.status, 200)
  assert.match(await response.text(), /<title>Chat<\/title>/)
  assert.equal((await fetch(`${server.url}/client/live/index.js`)).status, 200)
})
