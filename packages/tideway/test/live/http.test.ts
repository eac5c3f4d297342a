import { defineApplication, InMemoryChannelLayer } from 'tideway'
import { path, urlRouter } from 'tideway/routing'
import { nodeListener } from 'tideway/server'
import { liveServer } from 'tideway/testing'
import express from 'express'
import { beforeAll, describe, expect, it } from 'vitest'
import { call, poll, Stream } from './http-client.ts'
import { Chat, room } from './room.ts'

const layer = new InMemoryChannelLayer()
let url: string

const app = express()
app.post('/elsewhere', express.json(), (incoming, response) => void response.json({ echoed: incoming.body }))

beforeAll(async () => {
  const websocket = urlRouter([path('ws/:name/', Chat.asApplication())])
  const application = defineApplication({ websocket, http: nodeListener(app), channelLayers: { default: layer } })
  const server = await liveServer(application)
  url = `${server.url}/ws/lobby/`
  return async () => {
    await server.close()
    await layer.close()
  }
})

describe('a stream over HTTP', () => {
  it('has the frames of a WebSocket and begins with a comment of 2 KiB', async () => {
    const stream = await Stream.open(url, { 'room.frames': {} })
    expect(stream.response.status).toBe(200)
    expect(Object.fromEntries(stream.response.headers)).toMatchObject({
      'content-type': 'text/event-stream',
      'cache-control': 'no-store, no-transform',
      'x-accel-buffering': 'no',
    })
    expect(await stream.take(2)).toMatchObject([{ t: 'hi' }, { t: 'joined', g: 'room.frames' }])
    expect(stream.received).toBeGreaterThan(2048)
    await room('frames').publish(layer, 'said', { text: 'hello' })
    expect(await stream.next()).toMatchObject({ g: 'room.frames', e: 'said', d: { text: 'hello' } })
  })
})

describe('a poll over HTTP', () => {
  it('is answered with a first join, and then with 204 after the wait or with an event', async () => {
    const { status, body } = await poll(url, { 'room.poll': {} })
    expect([status, body]).toMatchObject([200, [{ t: 'hi' }, { t: 'joined', recovered: false }]])
    const { at } = (body as { readonly at: string }[])[1]!
    expect(await poll(url, { 'room.poll': { since: at } }, 1)).toMatchObject({ status: 204 })
    const answer = poll(url, { 'room.poll': { since: at } })
    await room('poll').publish(layer, 'said', { text: 'hello' })
    expect((await answer).body).toMatchObject([{ t: 'hi' }, { t: 'joined' }, { e: 'said', d: { text: 'hello' } }])
  })
})

describe('a body of requests over HTTP', () => {
  it('is answered with the answers in their order', async () => {
    const frames = ['a', 'b'].map((id) => ({ t: 'request', id, m: 'echo', d: id }))
    expect((await call(url, frames)).body).toEqual(frames.map(({ id }) => ({ t: 'answer', id, ok: id })))
    expect((await call(url, frames[0])).body).toEqual([{ t: 'answer', id: 'a', ok: 'a' }])
  })

  it('publishes into a group that authorize() allows', async () => {
    const stream = await Stream.open(url, { 'room.said': {} })
    await stream.take(2)
    const say = { t: 'request', id: 'say-1', m: 'say', d: { room: 'said', text: 'hello' } }
    expect((await call(url, say)).body).toMatchObject([{ t: 'answer', id: 'say-1', ok: { duplicate: false } }])
    expect(await stream.next()).toMatchObject({ e: 'said', id: 'say-1:1' })
  })
})

describe('an HTTP application beside a live consumer', () => {
  it('gets the requests to other paths', async () => {
    expect(await call(new URL('/elsewhere', url).href, { t: 'hello' })).toMatchObject({ status: 200 })
  })
})
