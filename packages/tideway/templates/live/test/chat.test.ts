import { liveServer, WebSocketCommunicator } from 'tideway/testing'
import { expect, test } from 'vitest'
import application from '../src/application.ts'

type Frame = Readonly<Record<string, unknown>>

/** A client of the live protocol that has joined groups. A browser sends the origin of the page. */
async function enter(groups: Frame): Promise<WebSocketCommunicator> {
  const visitor = new WebSocketCommunicator(application, '/ws/', {
    headers: { Origin: 'http://localhost' },
    subprotocols: ['tideway.v1.json'],
  })
  expect((await visitor.connect()).accepted).toBe(true)
  visitor.sendJsonTo({ t: 'hello', v: 1, groups })
  return visitor
}

/** The next frame with this value. */
async function next(visitor: WebSocketCommunicator, field: 't' | 'e', value: string): Promise<Frame> {
  for (;;) {
    const frame = (await visitor.receiveJsonFrom()) as Frame
    if (frame[field] === value) return frame
  }
}

test('a message reaches every client in the room, and those that join later', async () => {
  const [ada, grace] = [await enter({ 'room.lobby': {} }), await enter({ 'room.lobby': {} })]
  ada.sendJsonTo({ t: 'request', id: 'first', m: 'say', d: { room: 'lobby', who: 'Ada', text: 'hello' } })
  for (const visitor of [ada, grace, await enter({ 'room.lobby': { last: 1 } })]) {
    expect(await next(visitor, 'e', 'said')).toMatchObject({ g: 'room.lobby', d: { who: 'Ada', text: 'hello' } })
    await visitor.disconnect()
  }
})

test('a message without a text is refused', async () => {
  const ada = await enter({ 'room.lobby': {} })
  ada.sendJsonTo({ t: 'request', id: 'second', m: 'say', d: { room: 'lobby', who: 'Ada', text: ' ' } })
  expect(await next(ada, 't', 'answer')).toMatchObject({ error: { code: 'bad_input' } })
  await ada.disconnect()
})

test('a room whose name is not allowed cannot be joined', async () => {
  const ada = await enter({ 'room.NOT ALLOWED': {} })
  expect(await next(ada, 't', 'left')).toMatchObject({ g: 'room.NOT ALLOWED', code: 'forbidden' })
  await ada.disconnect()
})

test('the server serves the page and its program', async () => {
  await using server = await liveServer(application)
  expect(await (await fetch(server.url)).text()).toContain('<title>A room</title>')
  expect(await (await fetch(`${server.url}/page.js`)).text()).toContain('You are in the lobby.')
})
