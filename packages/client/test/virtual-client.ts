import {
  connect,
  type ClientError,
  type ClientOptions,
  type ConnectionState,
  type TidewayClient,
} from '@tideway/client'
import { onTestFinished, vi } from 'vitest'
import { fakeWebSockets, type FakeWebSockets } from './fake-web-socket.ts'

export interface VirtualClient {
  readonly client: TidewayClient
  readonly sockets: FakeWebSockets
  readonly states: ConnectionState[]
  readonly errors: ClientError[]
  readonly messages: unknown[]
  /** Lets time pass, and the promises settle. */
  pass(ms: number): Promise<void>
  /** The server accepts the attempt of the moment. */
  open(): Promise<void>
}

/** A client in virtual time. Its random numbers are all 0.5, so a wait of full jitter is half its bound. */
export async function virtualClient(
  options: ClientOptions = {},
  url: Parameters<typeof connect>[0] = 'ws://server.test/',
): Promise<VirtualClient> {
  vi.useFakeTimers()
  const sockets = fakeWebSockets()
  const client = connect(url, { WebSocket: sockets.WebSocket, random: () => 0.5, lifecycleTarget: {}, ...options })
  const states: ConnectionState[] = []
  const errors: ClientError[] = []
  const messages: unknown[] = []
  client.on('state', (state) => states.push(state))
  client.on('error', (error) => errors.push(error))
  client.on('message', (message) => messages.push(message))
  onTestFinished(() => {
    client.close()
    vi.useRealTimers()
  })
  const pass = async (ms: number): Promise<void> => {
    await vi.advanceTimersByTimeAsync(ms)
  }
  await pass(0)
  return {
    client,
    sockets,
    states,
    errors,
    messages,
    pass,
    async open() {
      sockets.last.open()
      await pass(0)
    },
  }
}
