import {
  channelNameRouter,
  Consumer,
  HttpConsumer,
  InMemoryChannelLayer,
  StopConsumer,
  WebSocketConsumer,
  type Handlers,
} from 'tideway'
import { asgiVersions, type Application, type ChannelScope, type LifespanScope, type Scope } from 'tideway/asgi'
import { ApplicationCommunicator, WebSocketCommunicator } from 'tideway/testing'
import { describe, expect, it } from 'vitest'
import { RecordingLogger } from './recording-logger.ts'

type Jobs = { 'thumbnail.make': { readonly id: number } }

const made: number[] = []

/** What a worker runs. */
class ThumbnailConsumer extends Consumer implements Handlers<Jobs> {
  async onThumbnailMake({ id }: Jobs['thumbnail.make']) {
    await Promise.resolve()
    if (id < 0) throw new RangeError('no such picture')
    made.push(id)
    await this.channelLayer.groupSend('pictures', { type: 'thumbnail.made', id, by: this.scope.channel })
  }
  onStop(): never {
    throw new StopConsumer()
  }
}

function worker() {
  made.length = 0
  const layer = new InMemoryChannelLayer()
  const logger = new RecordingLogger()
  const scope: ChannelScope = { asgi: asgiVersions, type: 'channel', channel: 'thumbnails', logger }
  const application = channelNameRouter({ thumbnails: ThumbnailConsumer.asApplication() })
  const communicator = new ApplicationCommunicator(application, { ...scope, channelLayers: { default: layer } })
  return { communicator, layer, logger }
}

describe('a consumer of a named channel', () => {
  it('handles its messages one after the other, and uses the channel layer', async () => {
    const { communicator, layer } = worker()
    await layer.groupAdd('pictures', 'test')
    for (const id of [1, 2, 3]) communicator.sendInput({ type: 'thumbnail.make', id })
    communicator.sendInput({ type: 'stop' })
    await communicator.wait()
    expect(made).toEqual([1, 2, 3])
    expect(await layer.receive('test')).toEqual({ type: 'thumbnail.made', id: 1, by: 'thumbnails' })
    expect(layer.stats().channels).toBe(1)
  })

  it('rejects with the error of a handler, which the worker reports', async () => {
    const { communicator } = worker()
    communicator.sendInput({ type: 'thumbnail.make', id: -1 })
    await expect(communicator.wait()).rejects.toThrow('no such picture')
  })

  it('reports a message type without a handler, and continues', async () => {
    const { communicator, logger } = worker()
    communicator.sendInput({ type: 'thumbnail.burn' })
    communicator.sendInput({ type: 'thumbnail.make', id: 1 })
    communicator.sendInput({ type: 'stop' })
    await communicator.wait()
    expect(made).toEqual([1])
    expect(logger.messages('warn')).toEqual([
      'ThumbnailConsumer has no handler for messages of type "thumbnail.burn": add onThumbnailBurn()',
    ])
  })

  it.each(['websocket.disconnect', 'http.disconnect'])(
    'continues after a message of type %s, which any process may send',
    async (type) => {
      const { communicator } = worker()
      communicator.sendInput({ type })
      communicator.sendInput({ type: 'thumbnail.make', id: 1 })
      communicator.sendInput({ type: 'stop' })
      await communicator.wait()
      expect(made).toEqual([1])
    },
  )

  it('serves channels and connections, and rejects scopes of other types', async () => {
    class Page extends HttpConsumer {
      override handle() {}
    }
    class Socket extends WebSocketConsumer<{}, {}> {}
    const { scope } = new WebSocketCommunicator(Socket.asApplication(), '/')
    const lifespan: LifespanScope = { asgi: asgiVersions, type: 'lifespan' }
    const never = (): Promise<never> => new Promise(() => {})
    for (const [application, wrong] of [
      [Page.asApplication(), scope],
      [Socket.asApplication(), lifespan],
      [ThumbnailConsumer.asApplication(), lifespan],
    ] as unknown as [Application, Scope][]) {
      await expect(application(wrong, never, () => {})).rejects.toMatchObject({ code: 'ERR_NO_APPLICATION' })
    }
  })
})
