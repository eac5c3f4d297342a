import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fetchHandler } from '../../../src/server/http/fetch-handler.ts'
import { echo } from '../applications.ts'
import { clientFrame } from '../frames.ts'
import { RawClient, requestText, validHandshake } from '../raw-client.ts'
import { eventually, serving } from '../serving.ts'

/** How many times longer than a test run allows to look. */
const TIMES = Number(process.env.FUZZ_TIMES ?? 1)

const bytes = fc.uint8Array({ maxLength: 200 }).map((noise) => Buffer.from(noise))
const frame = fc
  .tuple(fc.constantFrom('text', 'binary', 'ping', 'pong', 'close', 'continuation'), bytes)
  .map(([kind, payload]) => clientFrame(kind, payload.subarray(0, 125), { mask: '01020304' }))
const handshake = Buffer.from(requestText('GET / HTTP/1.1', validHandshake))
const mutated = fc
  .tuple(fc.nat(handshake.length - 1), fc.nat(255))
  .map(([at, byte]) => Buffer.concat([handshake.subarray(0, at), Buffer.of(byte), handshake.subarray(at + 1)]))
const beginning = fc.oneof({ weight: 5, arbitrary: fc.constant(handshake) }, mutated, bytes)
const writes = fc
  .tuple(beginning, fc.array(fc.oneof(frame, bytes), { maxLength: 6 }))
  .map(([first, rest]) => [first, ...rest])
const ending = fc.constantFrom('end', 'reset', 'destroy')

describe('a server that receives noise', () => {
  it('closes these connections and keeps serving other clients', async () => {
    const http = fetchHandler(async (request) => new Response(await request.text()))
    const server = await serving({ http, websocket: echo }, { closeTimeoutMs: 200 })
    const other = await RawClient.open(server.port)
    await fc.assert(
      fc.asyncProperty(writes, ending, async (chunks, how) => {
        const client = await RawClient.connect(server.port, { allowHalfOpen: true })
        for (const chunk of chunks) await new Promise((resolve) => client.socket.write(chunk, resolve))
        if (how === 'end') client.socket.end()
        else if (how === 'reset') client.reset()
        else client.socket.destroy()
      }),
      { numRuns: 300 * TIMES, endOnFailure: true },
    )
    await eventually(() => server.connectionCount).toBe(1)
    other.write(clientFrame('text', 'still here'))
    expect(await other.frame()).toBe('text still here')
    const refusals = server.log.filter(({ message }) => message.startsWith('Refused a handshake: '))
    expect(refusals.length).toBeLessThan(10)
    expect(server.log.filter((line) => line.level !== 'debug' && !refusals.includes(line))).toEqual([])
    other.socket.destroy()
  })
})
