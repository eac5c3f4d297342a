import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LiveCommunicator, WebSocketCommunicator } from 'tideway/testing'
import application from '../src/application.ts'
import type { ChatConsumer } from '../src/chat/consumers.ts'
// @if accounts
import { logIn } from './log-in.ts'
// @end

/** A connected client. */
// @if guests
async function visit(_name: string): Promise<LiveCommunicator<typeof ChatConsumer>> {
  // A browser sends the origin of the page.
  const headers = { Origin: 'http://localhost' }
// @if accounts
async function visit(name: string): Promise<LiveCommunicator<typeof ChatConsumer>> {
  const headers = await logIn(name)
// @end
  const socket = new WebSocketCommunicator(application, '/ws/', { headers, subprotocols: ['tideway.v1.json'] })
  const visitor = new LiveCommunicator<typeof ChatConsumer>(socket)
  await visitor.connect()
  return visitor
}

test('a message reaches every client in the room, and those that join later', async () => {
  const [ada, grace, kim] = [await visit('Ada'), await visit('Grace'), await visit('Kim')]
  await ada.join('room', 'lobby')
  await grace.join('room', 'lobby')
  // @if guests
  await ada.request('say', { room: 'lobby', who: 'Ada', text: 'hello' })
  // @if accounts
  await ada.request('say', { room: 'lobby', text: 'hello' })
  // @end
  await kim.join('room', 'lobby', { last: 1 })
  for (const visitor of [ada, grace, kim]) {
    const { name, data } = await visitor.nextEvent('room', 'lobby')
    assert.deepEqual([name, data], ['said', { who: 'Ada', text: 'hello' }])
    await visitor.disconnect()
  }
})

test('a message without a text is refused', async () => {
  const ada = await visit('Ada')
  await ada.join('room', 'lobby')
  // @if guests
  const said = ada.request('say', { room: 'lobby', who: 'Ada', text: ' ' })
  // @if accounts
  const said = ada.request('say', { room: 'lobby', text: ' ' })
  // @end
  await assert.rejects(said, { code: 'bad_input' })
  await ada.disconnect()
})

test('a room whose name is not allowed cannot be joined', async () => {
  const ada = await visit('Ada')
  await assert.rejects(ada.join('room', 'NOT ALLOWED'), { code: 'forbidden' })
  await ada.disconnect()
})

test('a page of another site cannot connect', async () => {
  // @if guests
  const headers = {}
  // @if accounts
  const headers = await logIn('Ada')
  // @end
  const stranger = new WebSocketCommunicator(application, '/ws/', {
    headers: { ...headers, Origin: 'https://example.org' },
    subprotocols: ['tideway.v1.json'],
  })
  assert.equal((await stranger.connect()).accepted, false)
})
// @if accounts

test('a client without a login cannot connect', async () => {
  const stranger = new WebSocketCommunicator(application, '/ws/', {
    headers: { Origin: 'http://localhost' },
    subprotocols: ['tideway.v1.json'],
  })
  assert.equal((await stranger.connect()).accepted, false)
  await assert.rejects(logIn('Ada', 'wrong'), /The name or the password is wrong/)
})
// @end
