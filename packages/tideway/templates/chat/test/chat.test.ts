import { liveServer, WebSocketCommunicator } from 'tideway/testing'
import { expect, test } from 'vitest'
import application from '../src/application.ts'

/** A browser sends the origin of the page. The application accepts only its own pages. */
const headers = { Origin: 'http://localhost' }

async function enter(room: string): Promise<WebSocketCommunicator> {
  const visitor = new WebSocketCommunicator(application, `/ws/rooms/${room}/`, { headers })
  expect((await visitor.connect()).accepted).toBe(true)
  return visitor
}

test('a message reaches every client in the room and no other room', async () => {
  const [ada, grace, kim] = [await enter('lobby'), await enter('lobby'), await enter('kitchen')]
  ada.sendJsonTo({ who: 'Ada', text: 'hello' })
  expect(await ada.receiveJsonFrom()).toEqual({ who: 'Ada', text: 'hello' })
  expect(await grace.receiveJsonFrom()).toEqual({ who: 'Ada', text: 'hello' })
  await kim.expectNothing()
  await Promise.all([ada.disconnect(), grace.disconnect(), kim.disconnect()])
})

test.each([
  {},
  null,
  { who: 'Ada' },
  { who: '', text: 'hello' },
  { who: 'Ada', text: 'x'.repeat(2001) },
  { who: 'Ada', text: '\ud83d' },
])('the message %j is answered with an error and not broadcast', async (content) => {
  const ada = await enter('lobby')
  ada.sendJsonTo(content)
  expect(await ada.receiveJsonFrom()).toEqual({ error: 'A message has a name and a text.' })
  await ada.expectNothing()
  await ada.disconnect()
})

test.each(['한국어', 'a'.repeat(41)])('the room name %s is rejected', async (room) => {
  const visitor = new WebSocketCommunicator(application, `/ws/rooms/${encodeURIComponent(room)}/`, { headers })
  expect((await visitor.connect().catch(() => undefined))?.accepted ?? false).toBe(false)
})

test('a page of another site cannot connect', async () => {
  const stranger = new WebSocketCommunicator(application, '/ws/rooms/lobby/', {
    headers: { Origin: 'https://example.org' },
  })
  expect((await stranger.connect()).accepted).toBe(false)
})

test('the server serves the page and the client that it loads', async () => {
  await using server = await liveServer(application)
  const page = await fetch(server.url)
  expect(await page.text()).toContain('<title>A room</title>')
  const client = await fetch(`${server.url}/tideway-client.js`)
  expect(client.headers.get('content-type')).toContain('javascript')
})
