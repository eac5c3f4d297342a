import assert from 'node:assert/strict'
import { test } from 'node:test'
import { liveServer, WebSocketCommunicator } from 'tideway/testing'
import application from '../application.ts'

/** A page in a room, with the origin that a browser sends. The first call of a thread waits for its start. */
function page(room: string, Origin = 'http://localhost') {
  return new WebSocketCommunicator(application, `/ws/chat/${room}/`, { headers: { Origin }, timeoutMs: 10_000 })
}

test('a message reaches every client in the room, including the sender', async () => {
  const [anna, jun] = [page('lobby'), page('lobby')]
  assert.equal((await anna.connect()).accepted, true)
  assert.equal((await jun.connect()).accepted, true)

  anna.sendJsonTo({ message: 'hello' })
  assert.deepEqual(await anna.receiveJsonFrom(), { message: 'hello', user: '' })
  assert.deepEqual(await jun.receiveJsonFrom(), { message: 'hello', user: '' })

  await anna.disconnect()
  await jun.disconnect()
})

test('a message does not reach other rooms', async () => {
  const [anna, kim] = [page('garden'), page('kitchen')]
  await anna.connect()
  await kim.connect()

  anna.sendJsonTo({ message: 'hello' })
  await anna.receiveJsonFrom()
  await kim.expectNothing()

  await anna.disconnect()
  await kim.disconnect()
})

test('a new client gets the messages from before, and the words of a report', async () => {
  const anna = page('library')
  await anna.connect()
  anna.sendJsonTo({ message: 'a book, a book' })
  await anna.receiveJsonFrom()
  await anna.disconnect()

  const jun = page('library')
  await jun.connect()
  assert.deepEqual(await jun.receiveJsonFrom(), { message: 'a book, a book', user: '' })
  jun.sendJsonTo({ message: '/report' })
  const shown = []
  for (let i = 0; i < 6; i++) shown.push(((await jun.receiveJsonFrom()) as { message: string }).message)
  assert.deepEqual(shown, ['/report', '0 %', '25 %', '50 %', '75 %', 'a (2), book (2)'])
  await jun.disconnect()
})

test('a page of another site cannot connect', async () => {
  const answer = await page('lobby', 'https://example.org').connect()
  assert.equal(answer.accepted, false)
})

test('a room has a page', async (t) => {
  const server = await liveServer(application)
  t.after(() => server.close())

  const response = await fetch(`${server.url}/chat/lobby/`)
  assert.equal(response.status, 200)
  assert.match(await response.text(), /<title>Chat<\/title>/)
})
