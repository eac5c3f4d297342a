import {
  channelNameRouter,
  Consumer,
  defineApplication,
  HttpConsumer,
  InMemoryChannelLayer,
  nodeListener,
  path,
  urlRouter,
  WebSocketConsumer,
  type Application,
} from 'tideway'
import { asgiVersions, traitsOf, type ChannelScope } from 'tideway/asgi'
import { allowedHostsOriginValidator } from 'tideway/security'
import { ApplicationCommunicator, HttpCommunicator, liveServer, WebSocketCommunicator } from 'tideway/testing'
import { describe, expect, it } from 'vitest'

/** Says which of the layers it has. */
class Layers extends WebSocketConsumer<{}, {}> {
  override async connect() {
    await this.accept()
    await this.send({ text: Object.keys(this.scope.channelLayers ?? {}).join() })
  }
}

class Page extends HttpConsumer {
  override handle() {
    return this.sendResponse('page')
  }
}

class Job extends Consumer {
  onJob() {
    return this.channelLayer.groupSend('done', { type: 'done', by: this.scope.channel })
  }
}

describe('defineApplication', () => {
  it('calls the application of each scope type', async () => {
    const layer = new InMemoryChannelLayer()
    await layer.groupAdd('done', 'test')
    const application = defineApplication({
      channelLayers: { default: layer },
      http: Page.asApplication(),
      websocket: urlRouter([path('ws/', Layers.asApplication())]),
      channel: channelNameRouter({ jobs: Job.asApplication() }),
    })
    expect((await new HttpCommunicator(application, 'GET', '/').getResponse()).text).toBe('page')
    const socket = new WebSocketCommunicator(application, '/ws/')
    await socket.connect()
    expect(await socket.receiveFrom()).toBe('default')
    await socket.disconnect()
    const scope: ChannelScope = { asgi: asgiVersions, type: 'channel', channel: 'jobs' }
    new ApplicationCommunicator(application, scope).sendInput({ type: 'job' })
    expect(await layer.receive('test')).toEqual({ type: 'done', by: 'jobs' })
  })

  it('needs groups across processes unless groups is false', () => {
    expect(defineApplication({}).groups).toBe(true)
    expect(defineApplication({ groups: false }).groups).toBe(false)
  })

  it('gives consumers its layers, and exposes them to its server', async () => {
    const [first, second] = [new InMemoryChannelLayer(), new InMemoryChannelLayer()]
    const application = defineApplication({
      channelLayers: { default: first, other: second },
      websocket: Layers.asApplication(),
    })
    expect(application.channelLayers).toEqual({ default: first, other: second })
    const socket = new WebSocketCommunicator(application, '/')
    await socket.connect()
    expect(await socket.receiveFrom()).toBe('default,other')
    await socket.disconnect()
  })

  it('has no layers by default, and reports this to a consumer that needs one', async () => {
    class Wanting extends WebSocketConsumer<{}, {}> {
      override async connect() {
        await this.channelLayer.groupAdd('a', this.channelName)
      }
    }
    const application = defineApplication({ websocket: Wanting.asApplication() })
    expect(application.channelLayers).toEqual({})
    const socket = new WebSocketCommunicator(application, '/')
    await expect(socket.connect()).rejects.toMatchObject({ cause: { code: 'ERR_NO_CHANNEL_LAYER' } })
  })

  it('does not change the scope that it is called with', async () => {
    const socket = new WebSocketCommunicator(defineApplication({ websocket: Layers.asApplication() }), '/')
    const before = { ...socket.scope }
    await socket.connect()
    expect(socket.scope).toEqual(before)
    await socket.disconnect()
  })

  it('rejects with ERR_NO_APPLICATION for a scope type that has none', async () => {
    const request = new HttpCommunicator(defineApplication({ websocket: Layers.asApplication() }), 'GET', '/')
    await expect(request.wait()).rejects.toMatchObject({ code: 'ERR_NO_APPLICATION' })
  })

  it('passes on the Node listener of its HTTP application, so that the server calls it directly', async () => {
    const listener = nodeListener((_request, response) => response.end('from Node'))
    const application = defineApplication({ http: listener })
    expect(traitsOf(application).nodeListener).toBe(traitsOf(listener).nodeListener)
    await using server = await liveServer(application)
    expect(await (await fetch(server.url)).text()).toBe('from Node')
  })

  it('passes on the origin check of its application, and claims one without WebSockets', () => {
    const websocket = Layers.asApplication()
    expect(traitsOf(defineApplication({ websocket: allowedHostsOriginValidator(websocket) })).checksOrigin).toBe(true)
    expect(traitsOf(defineApplication({ http: Page.asApplication() })).checksOrigin).toBe(true)
    expect(traitsOf(defineApplication({ websocket })).checksOrigin).not.toBe(true)
  })

  it('may be nested: the inner application has its own layers', async () => {
    const inner = defineApplication({
      channelLayers: { inner: new InMemoryChannelLayer() },
      websocket: Layers.asApplication(),
    })
    const outer = defineApplication({ channelLayers: { outer: new InMemoryChannelLayer() }, websocket: inner })
    const socket = new WebSocketCommunicator(outer, '/')
    await socket.connect()
    expect(await socket.receiveFrom()).toBe('inner')
    await socket.disconnect()
  })

  it('accepts only applications for the plain scope, because middleware adds the other keys', () => {
    class NeedsUser extends WebSocketConsumer {}
    // @ts-expect-error No middleware gives it a user.
    expect(defineApplication({ websocket: NeedsUser.asApplication() })).toBeTypeOf('function')
    const application: Application = async () => {}
    expect(defineApplication({ http: application, websocket: application })).toBeTypeOf('function')
  })
})
