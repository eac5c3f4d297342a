import { channelLayerFromEnvironment } from '@tideway/redis'
import { z } from 'zod'
import { authMiddlewareStack, defineApplication, path, serve, urlRouter, WebSocketConsumer } from 'tideway'
import { defineGroup, LiveConsumer } from 'tideway/live'

// The server of the bench `kept`, with the layer of the environment. Its parent asks for its figures.

/** What the server uses. */
export interface Usage {
  /** The heap, after a garbage collection if it was asked for. */
  readonly heapBytes: number
  readonly connections: number
  readonly followers: number
  /** Microseconds of processor time of the process so far. */
  readonly cpuMicroseconds: number
}

interface Kwargs {
  readonly room: string
}

class Plain extends WebSocketConsumer<Kwargs> {
  override async connect() {
    await this.accept()
  }
}

class Member extends WebSocketConsumer<Kwargs> {
  override async connect() {
    await this.accept()
    await this.channelLayer.groupAdd(this.scope.urlRoute.kwargs.room, this.channelName)
  }
}

class Follower extends WebSocketConsumer<Kwargs> {
  override async connect() {
    await this.accept()
    const since = new URLSearchParams(this.scope.queryString).get('since') ?? undefined
    await this.follow(this.scope.urlRoute.kwargs.room, { since })
  }
  static onSaid(data: { readonly text: string }) {
    return { text: data.text }
  }
  onReset(): void {}
}

const room = defineGroup('room', { events: { said: z.object({ text: z.string() }) } })

class Live extends LiveConsumer {
  static override groups = { room }
  static override http = { callsPerSecond: 1e6, callBurst: 1e6 }
  override authorize() {
    return true
  }
}

const layer = channelLayerFromEnvironment()
const application = defineApplication({
  channelLayers: { default: layer },
  websocket: authMiddlewareStack(
    urlRouter([
      path('plain/:room/', Plain.asApplication()),
      path('member/:room/', Member.asApplication()),
      path('follower/:room/', Follower.asApplication()),
      path('live/', Live.asApplication()),
    ]),
  ),
})
const silent = { debug() {}, info() {}, warn() {}, error() {} }
const server = await serve(application, { port: 0, logger: silent })

/** As `MARK` of the clients expects. */
const said = { text: `^${'x'.repeat(119)}` }

process.on('message', (question: string | { readonly publish: number }) => {
  if (typeof question === 'object') {
    for (let n = 0; n < question.publish; n++) void room('lobby').publish(layer, 'said', said)
    return
  }
  if (question === 'collect') globalThis.gc!()
  const { user, system } = process.cpuUsage()
  process.send!({
    heapBytes: process.memoryUsage().heapUsed,
    connections: server.stats().sockets.open,
    followers: layer.stats().keptGroups?.followers ?? 0,
    cpuMicroseconds: user + system,
  } satisfies Usage)
})
process.send!({ port: server.port })
