import { setTimeout as delay } from 'node:timers/promises'
import { chatMessage, clientFrame, openConnections, serverFrameLength, settle, type Target } from './load.ts'
import type { ServerProcess } from './server-process.ts'

/** One figure of one server in one run: the lower the better. */
export interface Work {
  readonly title: string
  readonly unit: string
  /** Measures a server that has just been started. */
  measure(server: ServerProcess, paths: ServerPaths): Promise<number>
}

/** Where a server of the bench has what. */
export interface ServerPaths {
  readonly chat: string
  readonly echo: string
}

/** The same bytes as in Channels' own tutorial chat with a sentence in it. */
const MESSAGE_BYTES = 128

/** Warm-up before the measurement: the compiler of the server needs it. */
const WARM_UP_MS = 1000

/** One member speaks, everybody hears it; so many messages are under way at a time. */
export function fanOut(members: number, inFlight: number, seconds: number): Work {
  return {
    title: `fan-out, ${members} members, ${inFlight} in flight`,
    unit: 'µs of CPU a delivery',
    async measure(server, { chat }) {
      const { text, answer } = chatMessage(MESSAGE_BYTES)
      const connections = await openConnections({ port: server.port, path: chat }, members)
      await settle()
      const round = members * serverFrameLength(answer)
      const burst = Buffer.concat(Array.from({ length: inFlight }, () => clientFrame(text)))
      const deliverFor = async (ms: number): Promise<number> => {
        const from = connections.received()
        for (const end = performance.now() + ms; performance.now() < end;) {
          const before = connections.received()
          connections.sockets[0]!.write(burst)
          await connections.reached(before + round * inFlight)
        }
        return (connections.received() - from) / serverFrameLength(answer)
      }
      await deliverFor(WARM_UP_MS)
      const before = await server.usage()
      const deliveries = await deliverFor(seconds * 1000)
      const after = await server.usage()
      connections.close()
      return (after.cpuMicroseconds - before.cpuMicroseconds) / deliveries
    },
  }
}

/** Every connection keeps so many messages under way and is answered each. */
export function echo(connectionCount: number, inFlight: number, seconds: number): Work {
  return {
    title: `echo of JSON, ${connectionCount} connections, ${inFlight} in flight`,
    unit: 'µs of CPU a message',
    async measure(server, { echo: path }) {
      const target: Target = { port: server.port, path }
      const { text, answer } = chatMessage(MESSAGE_BYTES)
      const frame = clientFrame(text)
      const answerLength = serverFrameLength(answer)
      const connections = await openConnections(target, connectionCount)
      let isOver = false
      for (const socket of connections.sockets) {
        let rest = 0
        socket.on('data', (chunk: Buffer) => {
          rest += chunk.length
          const answers = Math.floor(rest / answerLength)
          rest -= answers * answerLength
          if (answers === 0 || isOver) return
          socket.write(answers === 1 ? frame : Buffer.concat(Array.from({ length: answers }, () => frame)))
        })
        socket.write(Buffer.concat(Array.from({ length: inFlight }, () => frame)))
      }
      await delay(WARM_UP_MS)
      const before = await server.usage()
      const from = connections.received()
      await delay(seconds * 1000)
      const messages = (connections.received() - from) / answerLength
      const after = await server.usage()
      isOver = true
      connections.close()
      return (after.cpuMicroseconds - before.cpuMicroseconds) / messages
    },
  }
}

/** Connections that joined the chat and say nothing: what each adds to the memory of the process. */
export function idle(connectionCount: number): Work {
  return {
    title: `${connectionCount} idle connections`,
    unit: 'kB a connection',
    async measure(server, { chat }) {
      const before = await server.usage()
      const connections = await openConnections({ port: server.port, path: chat }, connectionCount)
      await settle()
      const after = await server.usage()
      connections.close()
      return (after.residentBytes - before.residentBytes) / connectionCount / 1000
    },
  }
}
