import { afterAll, beforeAll } from 'vitest'
import type { ServeOptions } from '../../../src/server/options.ts'
import { echo } from '../applications.ts'
import { RawClient } from '../raw-client.ts'
import { startServer, type ServerUnderTest } from '../serving.ts'

/** How the bytes of a case are cut into writes. */
export interface Exchange {
  /** Sends frames, then a close frame with code 1000, and answers with what the server sent until it hung up. */
  readonly exchange: (...frames: readonly (string | Uint8Array)[]) => Promise<string[]>
  /** The same, each byte in a write of its own. */
  readonly exchangeBytewise: (...frames: readonly (string | Uint8Array)[]) => Promise<string[]>
  readonly open: () => Promise<RawClient>
}

const CLOSE_1000 = Buffer.from('88820000000003e8', 'hex')

/** An echo server for the cases of a file. Frames are in hex (white space is for the reader) or bytes. */
export function withEchoServer(options: ServeOptions = {}): Exchange {
  let server: ServerUnderTest
  beforeAll(async () => {
    server = await startServer({ websocket: echo }, options)
  })
  afterAll(() => server.close(1))
  const open = (): Promise<RawClient> => RawClient.open(server.port)
  return {
    open,
    async exchange(...frames) {
      const client = await open()
      client.write(Buffer.concat([...frames.map(toBytes), CLOSE_1000]))
      return client.frames()
    },
    async exchangeBytewise(...frames) {
      const client = await open()
      for (const byte of Buffer.concat([...frames.map(toBytes), CLOSE_1000])) {
        if (client.isOver) break
        await new Promise((resolve) => client.socket.write(Buffer.of(byte), resolve))
      }
      return client.frames()
    },
  }
}

function toBytes(frame: string | Uint8Array): Uint8Array {
  return typeof frame === 'string' ? Buffer.from(frame.replaceAll(/\s/g, ''), 'hex') : frame
}
