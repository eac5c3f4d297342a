import {
  allowedHostsOriginValidator,
  authMiddlewareStack,
  defineApplication,
  InMemoryChannelLayer,
  JsonWebSocketConsumer,
  path,
  urlRouter,
  WebSocketConsumer,
  type TextOrBytes,
} from 'tideway'
import { defineGroup, LiveConsumer, request } from 'tideway/live'
import { z } from 'zod'
import { clientFrame, endOfTick, LocalServer, type LocalSocket } from './sockets.ts'

// The whole stack without a network: origin check, auth stack with an anonymous visitor, routing, consumer, layer, server.

const MEMBERS = 1000

class Room extends WebSocketConsumer<{ room: string }> {
  override async connect() {
    await this.channelLayer.groupAdd(this.scope.urlRoute.kwargs.room, this.channelName)
    await this.accept()
  }
  override async receive({ text }: TextOrBytes) {
    const { message } = JSON.parse(text!) as { message: string }
    const { room } = this.scope.urlRoute.kwargs
    await this.channelLayer.groupSend(room, { type: 'chat.message', message, user: this.scope.user.username })
  }
}

class Chat extends Room {
  onChatMessage({ message, user }: { message: string; user: string }) {
    return this.send({ text: JSON.stringify({ message, user }) })
  }
}

/** Sends the event itself, which the process encodes once. */
class JsonChat extends JsonWebSocketConsumer<{ room: string }> {
  override async connect() {
    await this.channelLayer.groupAdd(this.scope.urlRoute.kwargs.room, this.channelName)
    await this.accept()
  }
  override async receiveJson(content: unknown) {
    const { message } = content as { message: string }
    const { room } = this.scope.urlRoute.kwargs
    await this.channelLayer.groupSend(room, { type: 'chat.message', message, user: this.scope.user.username })
  }
  onChatMessage(event: { message: string; user: string }) {
    return this.sendJson(event)
  }
}

class SharedChat extends Room {
  static onChatMessage({ message, user }: { message: string; user: string }) {
    return { text: JSON.stringify({ message, user }) }
  }
}

/** The same as SharedChat over a kept group. */
class KeptChat extends WebSocketConsumer<{ room: string }> {
  override async connect() {
    await this.accept()
    await this.follow(this.scope.urlRoute.kwargs.room)
  }
  override async receive({ text }: TextOrBytes) {
    const { message } = JSON.parse(text!) as { message: string }
    const data = { message, user: this.scope.user.username }
    const { room } = this.scope.urlRoute.kwargs
    await this.channelLayer.keptGroups!.publish(room, JSON.stringify({ e: 'said', d: data }))
  }
  static onSaid({ message, user }: { message: string; user: string }) {
    return { text: JSON.stringify({ message, user }) }
  }
  onReset(): void {}
}

class JsonEcho extends WebSocketConsumer {
  override receive({ text }: TextOrBytes) {
    const { message } = JSON.parse(text!) as { message: string }
    return this.send({ text: JSON.stringify({ message, user: '' }) })
  }
}

const room = defineGroup('room', { events: { said: z.object({ message: z.string() }) } })

const echoed = z.object({ message: z.string() })

/** The echo as a request of the live protocol, and a group. */
class Live extends LiveConsumer {
  static override groups = { room }

  override authorize() {
    return true
  }
  echo = request(echoed, ({ message }) => ({ message, user: '' }))
}

function server(): LocalServer {
  return new LocalServer(
    defineApplication({
      channelLayers: { default: new InMemoryChannelLayer() },
      websocket: allowedHostsOriginValidator(
        authMiddlewareStack(
          urlRouter([
            path('chat/:room/', Chat.asApplication()),
            path('json/:room/', JsonChat.asApplication()),
            path('shared/:room/', SharedChat.asApplication()),
            path('kept/:room/', KeptChat.asApplication()),
            path('echo/', JsonEcho.asApplication()),
            path('live/', Live.asApplication()),
          ]),
        ),
      ),
    }),
  )
}

const FRAME = clientFrame(JSON.stringify({ message: 'x'.repeat(113) }))

const HELLO = clientFrame('{"t":"hello","v":1}')
const HELLO_WITH_GROUP = clientFrame('{"t":"hello","v":1,"groups":{"room.lobby":{}}}')
const IN_FLIGHT = 8
const requestFrames = Array.from({ length: IN_FLIGHT }, (_, n) => requestFrame(n, 0))
let bursts = 0

function requestFrame(n: number, burst: number): Buffer {
  const id = `${burst.toString(16).padStart(8, '0')}${n}`
  return clientFrame(JSON.stringify({ t: 'request', id, m: 'echo', d: { message: 'x'.repeat(113) } }))
}

/** Frames of requests with new ids. Only the masked digits of the ids are written: the rest is what is measured. */
function requestBurst(): Buffer {
  const digits = (++bursts).toString(16).padStart(8, '0')
  const burst = Buffer.concat(requestFrames)
  for (let n = 0, start = 0; n < IN_FLIGHT; start += requestFrames[n++]!.length) {
    // 8 bytes of header and key, and {"t":"request","id":".
    for (let i = 0; i < 8; i++) burst[start + 29 + i]! ^= digits.charCodeAt(i) ^ 0x30
  }
  return burst
}

/** Something that the stack does over and over. */
export interface StackWork {
  readonly name: string
  /** What one round does so many times of. */
  readonly unit: string
  readonly count: number
  prepare(): Promise<() => Promise<void>>
}

/** So many frames of each that speaks, a round. */
function talk(
  work: Pick<StackWork, 'name' | 'unit' | 'count'>,
  inFlight: number,
  speakers: () => readonly LocalSocket[],
): StackWork {
  return {
    ...work,
    async prepare() {
      const sockets = speakers()
      await endOfTick()
      const burst = Buffer.concat(Array.from({ length: inFlight }, () => FRAME))
      return async () => {
        for (const socket of sockets) socket.push(Buffer.from(burst))
        await endOfTick()
      }
    },
  }
}

function fanOut(handler: string, route: string, inFlight: number, members = MEMBERS): StackWork {
  const name = `${handler}, ${members} members, ${inFlight} in flight`
  return talk({ name, unit: 'delivery', count: members * inFlight }, inFlight, () => open(route, members).slice(0, 1))
}

function open(route: string, count: number, of: LocalServer = server()): LocalSocket[] {
  return Array.from({ length: count }, () => of.open(route))
}

/** One of each group. */
function membersOfGroups(groups: number, each: number): LocalSocket[] {
  const of = server()
  return Array.from({ length: groups }, (_, i) => open(`/shared/room${i}/`, each, of)[0]!)
}

/** What is measured, by what it tells. */
export const stackWorks: readonly StackWork[] = [
  fanOut('a handler that sends', '/chat/lobby/', 8),
  fanOut('a handler with sendJson(event)', '/json/lobby/', 8),
  fanOut('a static handler', '/shared/lobby/', 8),
  fanOut('a static handler of a kept group', '/kept/lobby/', 8),
  fanOut('a handler that sends', '/chat/lobby/', 1),
  fanOut('a handler with sendJson(event)', '/json/lobby/', 1),
  fanOut('a static handler', '/shared/lobby/', 1),
  fanOut('a static handler of a kept group', '/kept/lobby/', 1),
  fanOut('a static handler', '/shared/lobby/', 4, 10_000),
  talk({ name: 'JSON echo, 100 connections, 8 in flight', unit: 'message', count: 800 }, 8, () => open('/echo/', 100)),
  talk({ name: '5000 groups of 2, one send each', unit: 'delivery', count: 10_000 }, 1, () => membersOfGroups(5000, 2)),
  {
    name: 'handshake, join and end, 200 at once',
    unit: 'connection',
    count: 200,
    async prepare() {
      const of = server()
      return async () => {
        const sockets = open('/shared/lobby/', 200, of)
        await endOfTick()
        for (const socket of sockets) socket.destroy()
        await endOfTick()
      }
    },
  },
  {
    name: 'request of a live consumer, 100 connections, 8 in flight',
    unit: 'request',
    count: 800,
    async prepare() {
      const sockets = open('/live/', 100)
      for (const socket of sockets) socket.push(HELLO)
      await endOfTick()
      return async () => {
        for (const socket of sockets) socket.push(requestBurst())
        await endOfTick()
      }
    },
  },
  {
    name: 'handshake, join of a live consumer and end, 200 at once',
    unit: 'connection',
    count: 200,
    async prepare() {
      const of = server()
      return async () => {
        const sockets = open('/live/', 200, of)
        await endOfTick()
        for (const socket of sockets) socket.push(Buffer.from(HELLO_WITH_GROUP))
        await endOfTick()
        await endOfTick()
        for (const socket of sockets) socket.destroy()
        await endOfTick()
      }
    },
  },
]
