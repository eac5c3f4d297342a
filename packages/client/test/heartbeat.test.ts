import { expect, test, vi } from 'vitest'
import { virtualClient } from './virtual-client.ts'

const heartbeat = { intervalMs: 20_000, timeoutMs: 5_000 }

test('without the option nothing is sent', async () => {
  const { sockets, open, pass } = await virtualClient()
  await open()
  await pass(3_600_000)
  expect(sockets.last.sent).toEqual([])
})

test('a ping goes out after the interval of silence, and silence after it is death', async () => {
  const { client, sockets, open, pass } = await virtualClient({ heartbeat })
  await open()
  await pass(19_999)
  expect(sockets.last.sent).toEqual([])
  await pass(1)
  expect(sockets.last.messages).toEqual([{ type: 'ping' }])
  await pass(4_999)
  expect(client.state.status).toBe('open')
  await pass(1)
  expect(client.state).toMatchObject({ status: 'reconnecting', code: 1006, reason: 'no heartbeat' })
})

test('any frame counts as life, before the ping and after it', async () => {
  const { client, sockets, open, pass, messages } = await virtualClient({ heartbeat })
  await open()
  for (let n = 0; n < 10; n++) {
    await pass(15_000)
    sockets.last.receive({ n })
  }
  expect(sockets.last.sent).toEqual([])
  await pass(20_000)
  expect(sockets.last.sent.length).toBe(1)
  sockets.last.receive({ n: 10 })
  await pass(15_000)
  expect([client.state.status, messages.length]).toEqual(['open', 11])
})

test('the pong is kept from the application', async () => {
  const { sockets, open, messages } = await virtualClient({ heartbeat })
  await open()
  sockets.last.receive('{"type":"pong"}')
  sockets.last.receive('{"type":"pong","n":1}')
  expect(messages).toEqual([{ type: 'pong', n: 1 }])
})

test('with ping: false nothing is sent, and a server that falls silent is dead', async () => {
  const { client, sockets, open, pass } = await virtualClient({ heartbeat: { ...heartbeat, ping: false } })
  await open()
  await pass(25_000)
  expect([client.state.status, sockets.last.sent]).toEqual(['reconnecting', []])
})

test('a send buffer that shrinks is life: a long upload is not cut', async () => {
  const { client, sockets, open, pass } = await virtualClient({ heartbeat })
  await open()
  sockets.last.bufferedAmount = 900_000
  await pass(20_000)
  for (let n = 8; n >= 0; n--) {
    sockets.last.bufferedAmount = n * 100_000
    await pass(5_000)
  }
  expect(client.state.status).toBe('open')
  await pass(5_000)
  expect(client.state.status).toBe('reconnecting')
})

test('a deadline that fires far too late (a suspended page) is no death: the answer may wait behind it', async () => {
  const { client, sockets, open, pass } = await virtualClient({ heartbeat })
  await open()
  await pass(20_000)
  vi.setSystemTime(Date.now() + 60_000)
  await pass(5_000)
  expect(client.state.status).toBe('open')
  sockets.last.receive('{"type":"pong"}')
  await pass(5_000)
  expect(client.state.status).toBe('open')
})

test('a clock that goes back delays no ping, and a dead connection is found as early as ever', async () => {
  const { client, sockets, open, pass } = await virtualClient({ heartbeat })
  await open()
  for (let n = 0; n < 3; n++) {
    vi.setSystemTime(Date.now() - 3_600_000)
    await pass(n ? 14_999 : 20_000)
    expect(sockets.last.messages).toEqual(Array.from({ length: n + 1 }, () => ({ type: 'ping' })))
    sockets.last.receive('{"type":"pong"}')
    await pass(5_001)
  }
  await pass(9_999)
  vi.setSystemTime(Date.now() - 3_600_000)
  await pass(5_000)
  expect([client.state.status, sockets.last.sent.length]).toEqual(['open', 4])
  vi.setSystemTime(Date.now() - 3_600_000)
  await pass(5_000)
  expect(client.state).toMatchObject({ status: 'reconnecting', reason: 'no heartbeat' })
})

test('a new connection starts with a heartbeat of its own', async () => {
  const { client, sockets, open, pass } = await virtualClient({ heartbeat })
  await open()
  await pass(20_000)
  sockets.last.end()
  await pass(1_000)
  await open()
  await pass(10_000)
  expect([client.state.status, sockets.last.sent]).toEqual(['open', []])
  await pass(10_000)
  expect(sockets.last.sent.length).toBe(1)
})
