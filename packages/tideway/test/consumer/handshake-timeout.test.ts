import { connect } from 'node:net'
import { describe, expect, it } from 'vitest'
import { defineApplication } from 'tideway'
import { WebSocketConsumer } from 'tideway/consumer'
import { InMemoryChannelLayer } from 'tideway/layer'
import { serving, type LogLine, type ServerUnderTest } from '../server/serving.ts'

/** A layer whose engine never answers. */
class UnreachableLayer extends InMemoryChannelLayer {
  protected override groupEntered(): Promise<void> {
    return new Promise(() => {})
  }
}

class Adding extends WebSocketConsumer<{}, {}> {
  override async connect(): Promise<void> {
    await this.channelLayer.groupAdd('room', this.channelName)
    await this.accept()
  }
}

class InGroups extends WebSocketConsumer<{}, {}> {
  override readonly groups = ['room']
}

class Silent extends WebSocketConsumer<{}, {}> {
  override connect(): Promise<void> {
    return new Promise(() => {})
  }
}

const ms = 50
const waiting = 'it is waiting in groupAdd() of the channel layer "default".'

describe('the error of a handshake timeout', () => {
  it.each([
    [
      'names the consumer and the call of the layer',
      Adding.asApplication(),
      `Adding.connect() has not accepted within ${ms} ms: ${waiting}`,
    ],
    [
      'names the call if `groups` are joined',
      InGroups.asApplication(),
      `InGroups.connect() has not accepted within ${ms} ms: ${waiting}`,
    ],
    [
      'names the consumer if no call of the layer waits',
      Silent.asApplication(),
      `Silent.connect() has neither accepted nor refused the connection within ${ms} ms.`,
    ],
  ])('%s', async (_, websocket, message) => {
    const application = defineApplication({
      channelLayers: { default: new UnreachableLayer() },
      websocket,
    })
    const server = await serving({ websocket: application }, { connectTimeoutMs: ms })
    expect(await statusOf(server)).toBe(503)
    const err = server.log.map(({ details }: LogLine) => details.err).find((error) => error !== undefined) as Error
    expect(err).toMatchObject({ code: 'ERR_APPLICATION_TIMEOUT', message })
    expect(err.stack).not.toContain(' at ')
  })
})

/** The status of the answer to a handshake. */
function statusOf({ port }: ServerUnderTest): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.write(
        'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
          'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
      )
    })
    socket.once('error', reject)
    socket.once('data', (data) => {
      resolve(Number(String(data).split(' ')[1]))
      socket.destroy()
    })
  })
}
