import { TidewaySocket } from '@tideway/client'
import { describe, expect, expectTypeOf, it, onTestFinished, vi } from 'vitest'
import { fakeWebSockets, type FakeWebSockets } from './fake-web-socket.ts'

interface Virtual {
  readonly socket: TidewaySocket
  readonly sockets: FakeWebSockets
  readonly log: string[]
  pass(ms: number): Promise<void>
}

async function virtualSocket(protocols: string | string[] = []): Promise<Virtual> {
  vi.useFakeTimers()
  const sockets = fakeWebSockets()
  const socket = new TidewaySocket('ws://server.test/chat', protocols, {
    WebSocket: sockets.WebSocket,
    lifecycleTarget: {},
  })
  const log: string[] = []
  socket.addEventListener('open', () => log.push(`open ${socket.readyState}`))
  socket.addEventListener('message', ({ data }) => log.push(`message ${String(data)}`))
  socket.addEventListener('error', () => log.push(`error ${socket.readyState}`))
  socket.addEventListener('close', ({ code, reason, wasClean }) =>
    log.push(`close ${socket.readyState} ${code} ${reason} ${wasClean}`),
  )
  socket.addEventListener('reconnecting', () => log.push(`reconnecting ${socket.readyState}`))
  onTestFinished(() => {
    socket.close()
    vi.useRealTimers()
  })
  const pass = async (ms: number): Promise<void> => {
    await vi.advanceTimersByTimeAsync(ms)
  }
  await pass(0)
  return { socket, sockets, log, pass }
}

describe('TidewaySocket', () => {
  it('has the type of a WebSocket, and its class the type of a WebSocket class', () => {
    expectTypeOf<TidewaySocket>().toExtend<WebSocket>()
    expectTypeOf<typeof TidewaySocket>().toExtend<new (url: string | URL, protocols?: string | string[]) => WebSocket>()
    const classOfALibrary: typeof WebSocket = TidewaySocket
    expect([classOfALibrary.CONNECTING, classOfALibrary.OPEN, classOfALibrary.CLOSING, classOfALibrary.CLOSED]).toEqual(
      [0, 1, 2, 3],
    )
  })

  it('dispatches open again after a lost connection, and close once, at the end', async () => {
    const { socket, sockets, log, pass } = await virtualSocket()
    expect(socket).toMatchObject({
      readyState: 0,
      url: 'ws://server.test/chat',
      protocol: '',
      extensions: '',
      binaryType: 'blob',
      OPEN: 1,
    })
    sockets.last.open()
    sockets.last.receive('one')
    sockets.last.end()
    await pass(2_000)
    sockets.last.open()
    sockets.last.receive('two')
    socket.close(3_000, 'done')
    expect(socket.readyState).toBe(2)
    await pass(0)
    expect(log).toEqual(['open 1', 'message one', 'reconnecting 0', 'open 1', 'message two', 'close 3 3000 done true'])
    expect(sockets.last.closedWith).toBe(3_000)
  })

  it('dispatches error and close after a code of stopCodes', async () => {
    const { sockets, log, pass } = await virtualSocket()
    sockets.last.open()
    sockets.last.end(4401, 'log in')
    await pass(0)
    expect(log).toEqual(['open 1', 'error 3', 'close 3 4401 log in true'])
  })

  it('queues before open, and sends nothing after close', async () => {
    const { socket, sockets } = await virtualSocket()
    socket.send('early')
    expect(socket.bufferedAmount).toBe(5)
    sockets.last.open()
    const bytes = new Uint8Array([1, 2])
    socket.send(bytes)
    expect(sockets.last.sent).toEqual(['early', bytes])
    socket.close()
    expect(() => socket.send('late')).not.toThrow()
  })

  it('calls the on… attributes, which may be replaced and may be null', async () => {
    const { socket, sockets, pass } = await virtualSocket()
    const calls: string[] = []
    socket.onopen = () => calls.push('open')
    socket.onmessage = ({ data }) => calls.push(data as string)
    socket.onclose = ({ code }) => calls.push(`close ${code}`)
    sockets.last.open()
    sockets.last.receive('one')
    socket.onmessage = null
    sockets.last.receive('two')
    socket.close()
    await pass(0)
    expect(calls).toEqual(['open', 'one', 'close 1000'])
  })

  it('keeps binaryType across reconnects and offers the protocols each time', async () => {
    const { socket, sockets, pass } = await virtualSocket(['chat.v2', 'chat.v1'])
    socket.binaryType = 'arraybuffer'
    expect(sockets.last.binaryType).toBe('arraybuffer')
    sockets.last.end()
    await pass(2_000)
    expect(sockets.last).toMatchObject({ binaryType: 'arraybuffer', protocols: ['chat.v2', 'chat.v1'] })
  })

  it('throws for a code or reason that the standard forbids, and closes nothing', async () => {
    const { socket } = await virtualSocket()
    expect(() => socket.close(1001)).toThrow(expect.objectContaining({ name: 'InvalidAccessError' }) as Error)
    expect(socket.readyState).toBe(0)
  })
})
