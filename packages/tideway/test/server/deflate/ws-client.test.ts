import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket, type PerMessageDeflateOptions } from 'ws'
import type { CompressionOptions } from '../../../src/server/websocket/deflate/compression-options.ts'
import { echo } from '../applications.ts'
import { startServer, type ServerUnderTest } from '../serving.ts'

/** Small and large, alike and not, text and bytes, below and above the thresholds. */
const noise = Buffer.from(Array.from({ length: 3000 }, (_, i) => Math.imul(i + 1, 2654435761) >>> 24))
const sent: readonly (string | Buffer)[] = [
  '',
  'a',
  'Räksmörgås 👍 '.repeat(100),
  'Räksmörgås 👍 '.repeat(100),
  Buffer.alloc(0),
  noise,
  noise,
  'x'.repeat(300_000),
  'small',
  JSON.stringify(Array.from({ length: 2000 }, (_, i) => ({ id: i, name: `name ${i}` }))),
  Buffer.concat(Array.from({ length: 40 }, () => noise)),
  'the end',
]

async function echoed(server: ServerUnderTest, perMessageDeflate: PerMessageDeflateOptions | boolean) {
  const client = new WebSocket(server.webSocketUrl, { perMessageDeflate })
  const received: (string | Buffer)[] = []
  const done = new Promise<void>((resolve, reject) => {
    client.on('error', reject)
    client.on('message', (data: Buffer, isBinary) => {
      received.push(isBinary ? data : data.toString())
      if (received.length === sent.length) resolve()
    })
  })
  await Promise.race([new Promise((resolve) => client.once('open', resolve)), done])
  for (const message of sent) client.send(message)
  await done
  const closed = new Promise<number>((resolve) => client.once('close', resolve))
  client.close(1000)
  return { received, extensions: client.extensions, code: await closed }
}

const servers: readonly CompressionOptions[] = [true, false].flatMap((serverNoContextTakeover) =>
  [true, false].flatMap((clientNoContextTakeover) =>
    [9, 15].map((bits) => ({
      serverNoContextTakeover,
      clientNoContextTakeover,
      serverMaxWindowBits: bits,
      clientMaxWindowBits: bits,
      thresholdBytes: 0,
    })),
  ),
)

const clients: readonly PerMessageDeflateOptions[] = [true, false].flatMap((serverNoContextTakeover) =>
  [true, false].flatMap((clientNoContextTakeover) =>
    [undefined, 10].flatMap((serverMaxWindowBits) =>
      [10, 15].map((clientMaxWindowBits) => ({
        serverNoContextTakeover,
        // To `ws` false is a refusal, which RFC 7692 has no way to offer.
        ...(clientNoContextTakeover && { clientNoContextTakeover }),
        ...(serverMaxWindowBits !== undefined && { serverMaxWindowBits }),
        clientMaxWindowBits,
        threshold: 0,
      })),
    ),
  ),
)

describe.each(servers)(
  'ws with a server with no context takeover $serverNoContextTakeover/$clientNoContextTakeover, $serverMaxWindowBits bits',
  (compression) => {
    let server: ServerUnderTest
    beforeAll(async () => {
      server = await startServer({ websocket: echo }, { compression })
    })
    afterAll(() => server.close(1))

    it('gets every message back, in order, under all 16 offers', async () => {
      for (const client of clients) {
        const { received, extensions, code } = await echoed(server, client)
        expect([extensions, code]).toEqual(['permessage-deflate', 1000])
        expect(received.length).toBe(sent.length)
        for (const [i, message] of sent.entries()) expect(message.toString() === received[i]?.toString()).toBe(true)
        expect(received.map((message) => typeof message)).toEqual(sent.map((message) => typeof message))
      }
    })
  },
)

it('ws gets every message back without compression', async () => {
  const server = await startServer({ websocket: echo }, { compression: { thresholdBytes: 0 } })
  try {
    expect(await echoed(server, false)).toEqual({ received: sent, extensions: '', code: 1000 })
  } finally {
    await server.close(1)
  }
})
