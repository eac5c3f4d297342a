import assert from 'node:assert/strict'
import { test } from 'node:test'
import { WebSocketCommunicator } from 'tideway/testing'
import application from '../src/application.ts'
// @if accounts
import { logIn } from './log-in.ts'
// @end

// @if guests
/** A browser sends the origin of the page. The application accepts only its own pages. */
const headers = { Origin: 'http://localhost' }

async function enter(room: string, _name: string): Promise<WebSocketCommunicator> {
// @if accounts
async function enter(room: string, name: string): Promise<WebSocketCommunicator> {
  const headers = await logIn(name)
// @end
  const visitor = new WebSocketCommunicator(application, `/ws/rooms/${room}/`, { headers })
  assert.ok((await visitor.connect()).accepted)
  return visitor
}

test('a message reaches every client in the room and no other room', async () => {
  const [ada, grace, kim] = [await enter('lobby', 'Ada'), await enter('lobby', 'Grace'), await enter('kitchen', 'Kim')]
  // @if guests
  ada.sendJsonTo({ who: 'Ada', text: 'hello' })
  // @if accounts
  ada.sendJsonTo({ text: 'hello' })
  // @end
  assert.deepEqual(await ada.receiveJsonFrom(), { who: 'Ada', text: 'hello' })
  assert.deepEqual(await grace.receiveJsonFrom(), { who: 'Ada', text: 'hello' })
  await kim.expectNothing()
  await Promise.all([ada.disconnect(), grace.disconnect(), kim.disconnect()])
})

const invalid = [
  {},
  null,
  { who: 'Ada' },
  // @if guests
  { who: '', text: 'hello' },
  // @end
  { who: 'Ada', text: 'x'.repeat(2001) },
  { who: 'Ada', text: '\ud83d' },
]
for (const content of invalid) {
  test(`the message ${JSON.stringify(content).slice(0, 40)} is answered with an error and not broadcast`, async () => {
    const ada = await enter('lobby', 'Ada')
    ada.sendJsonTo(content)
    assert.ok('error' in ((await ada.receiveJsonFrom()) as object))
    await ada.expectNothing()
    await ada.disconnect()
  })
}

for (const room of ['한국어', 'a'.repeat(41)]) {
  test(`the room name ${room} is rejected`, async () => {
    // @if accounts
    const headers = await logIn('Ada')
    // @end
    const visitor = new WebSocketCommunicator(application, `/ws/rooms/${encodeURIComponent(room)}/`, { headers })
    assert.ok((await visitor.connect().catch(() => undefined))?.accepted !== true)
  })
}

test('a page of another site cannot connect', async () => {
  // @if accounts
  const headers = await logIn('Ada')
  // @end
  const stranger = new WebSocketCommunicator(application, '/ws/rooms/lobby/', {
    headers: { ...headers, Origin: 'https://example.org' },
  })
  assert.equal((await stranger.connect()).accepted, false)
})
// @if accounts

test('a client without a login cannot connect', async () => {
  const stranger = new WebSocketCommunicator(application, '/ws/rooms/lobby/', {
    headers: { Origin: 'http://localhost' },
  })
  assert.equal((await stranger.connect()).accepted, false)
  await assert.rejects(logIn('Ada', 'wrong'), /The name or the password is wrong/)
})
// @end
