import type { ClientError, ConnectionState } from '@tideway/client'
import { connectLive, type LiveClient, type LiveOptions, type UntypedConsumer } from '@tideway/client/live'
import { onTestFinished, vi } from 'vitest'
import { fakeWebSockets, type FakeWebSocket, type FakeWebSockets } from '../fake-web-socket.ts'

export interface VirtualLive {
  readonly client: LiveClient<UntypedConsumer>
  readonly sockets: FakeWebSockets
  readonly states: ConnectionState['status'][]
  readonly errors: ClientError[]
  /** Lets time pass, and the promises settle. */
  pass(ms: number): Promise<void>
  /** The server accepts the latest attempt and answers `hello` with `hi`. */
  greet(max?: object): Promise<FakeWebSocket>
  /** The connection ends, and the next one is greeted. */
  reconnect(): Promise<FakeWebSocket>
}

/** A live client in virtual time. Its random numbers are all 0.5, so a wait of full jitter is half its bound. */
export async function virtualLive(options: LiveOptions = {}): Promise<VirtualLive> {
  vi.useFakeTimers()
  const sockets = fakeWebSockets()
  const client = connectLive('ws://server.test/', {
    WebSocket: sockets.WebSocket,
    random: () => 0.5,
    lifecycleTarget: {},
    heartbeat: false,
    minUptimeMs: 0,
    ...options,
  })
  const states: ConnectionState['status'][] = []
  const errors: ClientError[] = []
  client.on('state', ({ status }) => states.push(status))
  client.on('error', (error) => errors.push(error))
  onTestFinished(() => {
    client.close()
    vi.useRealTimers()
  })
  const pass = async (ms: number): Promise<void> => {
    await vi.advanceTimersByTimeAsync(ms)
  }
  await pass(0)
  const greet = async (max: object = { groups: 100, requests: 100 }): Promise<FakeWebSocket> => {
    const socket = sockets.last
    socket.open()
    socket.receive({ t: 'hi', v: 1, max })
    await pass(0)
    return socket
  }
  return {
    client,
    sockets,
    states,
    errors,
    pass,
    greet,
    async reconnect() {
      sockets.last.end()
      await pass(1_000)
      return greet()
    },
  }
}

/** The frame of an event of `room.lobby` at the offset. */
export function said(offset: number, epoch = 'a'): object {
  return { g: 'room.lobby', at: `${epoch}:${offset}`, e: 'said', d: { n: offset } }
}

/** The frame of a confirmed join of `room.lobby`. */
export function joined(at: string, top: string = at, more: object = {}): object {
  return { t: 'joined', g: 'room.lobby', at, top, recovered: false, ...more }
}

/** Everything that a caller of the group receives, as text. */
export function heardBy(group: ReturnType<LiveClient<UntypedConsumer>['join']>): string[] {
  const heard: string[] = []
  for (const name of ['joined', 'recovered', 'reset', 'snapshot', 'left', 'state'] as const)
    group.on(name, (detail) => heard.push(`${name} ${JSON.stringify(detail) ?? ''}`.trim()))
  group.onAny(({ name, data, position }) => heard.push(`${name} ${JSON.stringify(data)} ${position ?? 'volatile'}`))
  return heard
}
