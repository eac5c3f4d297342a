import assert from 'node:assert/strict'
import { test } from 'node:test'
import { liveServer, WebSocketCommunicator } from 'tideway/testing'
import application from '../application.ts'

/** A browser sends the origin of the page. The application accepts only its own pages. */
const headers = { Origin: 'http://localhost' }

test('a message reaches every client in the room, including the sender', async () => {
  const anna = new WebSocketCommunicator(application, '/ws/chat/lobby/', { headers })
  const jun = new WebSocketCommunicator(application, '/ws/chat/lobby/', { headers })
  assert.equal((await anna.connect()).accepted, true)
  assert.equal((await jun.connect()).accepted, true)

  anna.sendJsonTo({ message: 'hello' })
  assert.deepEqual(await anna.receiveJsonFrom(), { message: 'hello', user: '' })
  assert.deepEqual(await jun.receiveJsonFrom(), { message: 'hello', user: '' })

  await anna.disconnect()
  await jun.disconnect()
})

test('a message does not reach other rooms', async () => {
  const anna = new WebSocketCommunicator(application, '/ws/chat/lobby/', { headers })
  const kim = new WebSocketCommunicator(application, '/ws/chat/kitchen/', { headers })
  await anna.connect()
  await kim.connect()

  anna.sendJsonTo({ message: 'hello' })
  await anna.receiveJsonFrom()
  await kim.expectNothing()

  await anna.disconnect()
  await kim.disconnect()
})

test('a page of another site cannot connect', async () => {
  const stranger = new WebSocketCommunicator(application, '/ws/chat/lobby/', {
    headers: { Origin: 'https://example.org' },
  })
  const answer = await stranger.connect()
  assert.equal(answer.accepted, false)
})

test('a room has a page', async (t) => {
  const server = await liveServer(application)
  t.after(() => server.close())

  const response = await fetch(`${server.url}/chat/lobby/`)
  assert.equal(response.status, 200)
  assert.match(await response.text(), /<title>Chat<\/title>/)
})
