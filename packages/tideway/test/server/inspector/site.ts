import { WebSocket } from 'ws'
import { defineApplication } from '../../../src/application/define-application.ts'
import type { Application } from '../../../src/asgi/application.ts'
import { setTraits } from '../../../src/asgi/application-traits.ts'
import type { WebSocketScope } from '../../../src/asgi/scope.ts'
import { WebSocketConsumer } from '../../../src/consumer/websocket-consumer.ts'
import { InMemoryChannelLayer } from '../../../src/layer/in-memory-channel-layer.ts'
import { serve, type RunningServer } from '../../../src/server/serve.ts'
import { recordingLogger, type LogLine } from '../serving.ts'

export const TOKEN = 'the-token-of-the-inspector'
export const GROUP = 'room.lobby'

/** A consumer that follows a group, whose people are its clients. */
class RoomConsumer extends WebSocketConsumer<{}, { readonly user: { readonly username: string } }> {
  override async connect() {
    await this.accept({ subprotocol: this.scope.subprotocols[0] })
    await this.follow(GROUP)
    await this.enter(GROUP, { key: this.scope.user.username || 'guest', meta: { password: 'planted' } })
    await this.send({ text: 'present' })
  }

  onReset() {}

  onSaid(data: unknown) {
    return this.send({ text: JSON.stringify(data) })
  }
}

/** A server with an inspector, clients and a kept group. */
export interface InspectedSite {
  readonly server: RunningServer
  readonly layer: InMemoryChannelLayer
  readonly log: readonly LogLine[]
  /** Connects a client, whose user has the name in the query. */
  connect(
    query: string,
    options?: { readonly headers?: Record<string, string>; readonly protocol?: string },
  ): Promise<WebSocket>
  publish(data: unknown): Promise<unknown>
  close(): Promise<void>
}

export async function startInspectedSite(): Promise<InspectedSite> {
  const layer = new InMemoryChannelLayer()
  const log: LogLine[] = []
  const room = RoomConsumer.asApplication() as Application<WebSocketScope>
  const withUser: Application<WebSocketScope> = (scope, receive, send) => {
    const username = new URLSearchParams(scope.queryString).get('user') ?? ''
    const user = { id: username === '' ? undefined : `id-${username}`, username, isAuthenticated: username !== '' }
    return room({ ...scope, user } as WebSocketScope, receive, send)
  }
  const websocket = setTraits(withUser, { checksOrigin: true })
  const application = defineApplication({ channelLayers: { default: layer }, websocket })
  const server = await serve(application, {
    port: 0,
    metricsPort: 0,
    inspectorToken: TOKEN,
    secretQueryNames: ['wristband'],
    logger: recordingLogger(log),
  })
  return {
    server,
    layer,
    log,
    async connect(query, { headers = {}, protocol } = {}) {
      const client = new WebSocket(`${server.webSocketUrl}/ws/?${query}`, protocol, { headers })
      await new Promise((resolve, reject) => client.once('message', resolve).once('error', reject))
      return client
    },
    publish: (data) => layer.keptGroups.publish(GROUP, JSON.stringify({ e: 'said', d: data })),
    async close() {
      await server.close(1)
      await layer.close()
    },
  }
}
