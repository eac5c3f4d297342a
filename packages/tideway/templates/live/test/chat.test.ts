import { LiveCommunicator, liveServer, WebSocketCommunicator } from 'tideway/testing'
import { expect, test } from 'vitest'
import application from '../src/application.ts'
import type { ChatConsumer } from '../src/chat/consumers.ts'

/** A connected client. A browser sends the origin of the page. */
async function visit(): Promise<LiveCommunicator<typeof ChatConsumer>> {
  const socket = new WebSocketCommunicator(application, '/ws/', {
    headers: { Origin: 'http://localhost' },
    subprotocols: ['tideway.v1.json'],
  })
  const visitor = new LiveCommunicator<typeof ChatConsumer>(socket)
  await visitor.connect()
  return visitor
}

test('a message reaches every client in the room, and those that join later', async () => {
  const [ada, grace, kim] = [await visit(), await visit(), await visit()]
  await ada.join('room', 'lobby')
  await grace.join('room', 'lobby')
  await ada.request('say', { room: 'lobby', who: 'Ada', text: 'hello' })
  await kim.join('room', 'lobby', { last: 1 })
  for (const visitor of [ada, grace, kim]) {
    expect(await visitor.nextEvent('room', 'lobby')).toMatchObject({
      name: 'said',
      data: { who: 'Ada', text: 'hello' },
    })
    await visitor.disconnect()
  }
})

test('a message without a text is refused', async () => {
  const ada = await visit()
  await ada.join('room', 'lobby')
  await expect(ada.request('say', { room: 'lobby', who: 'Ada', text: ' ' })).rejects.toMatchObject({
    code: 'bad_input',
  })
  await ada.disconnect()
})

test('a room whose name is not allowed cannot be joined', async () => {
  const ada = await visit()
  await expect(ada.join('room', 'NOT ALLOWED')).rejects.toMatchObject({ code: 'forbidden' })
  await ada.disconnect()
})

test('the server serves the page and its program', async () => {
  await using server = await liveServer(application)
  expect(await (await fetch(server.url)).text()).toContain('<title>A room</title>')
  expect(await (await fetch(`${server.url}/page.js`)).text()).toContain('You are in the lobby.')
})
