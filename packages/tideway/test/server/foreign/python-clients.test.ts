import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { describeWith, programPath } from '../../../../../test/setup/describe-with.ts'
import type { Application } from '../../../src/asgi/application.ts'
import type { WebSocketScope } from '../../../src/asgi/scope.ts'
import { accepting, echo } from '../applications.ts'
import { eventually, startServer, type ServerUnderTest } from '../serving.ts'

/** What the clients find by their paths. */
const application: Application<WebSocketScope> = (scope, receive, send) => {
  switch (scope.path) {
    case '/close/':
      return accepting(({ send: answer }) => answer({ type: 'websocket.close', code: 4001, reason: 'räk' }))(
        scope,
        receive,
        send,
      )
    case '/v2/':
      return echo(scope, receive, (event) =>
        send(event.type === 'websocket.accept' ? { ...event, subprotocol: 'v2' } : event),
      )
    case '/denied/':
      return (async () => {
        await receive()
        await send({ type: 'websocket.close' })
      })()
    default:
      return echo(scope, receive, send)
  }
}

/** Runs a script beside this file with Debian's Python, and gives what it printed. */
async function run(name: string, ...args: readonly string[]): Promise<unknown> {
  const script = fileURLToPath(new URL(`fixture/${name}.py`, import.meta.url))
  const { stdout } = await promisify(execFile)(programPath('pythonClients'), [script, ...args], { timeout: 120_000 })
  return JSON.parse(stdout)
}

const address = ({ port }: ServerUnderTest): [string, string] => ['127.0.0.1', String(port)]

describeWith(['pythonClients'], 'clients in Python', () => {
  describe.each([
    ['without compression', false],
    ['with compression', {}],
  ] as const)('%s', (_name, compression) => {
    let server: ServerUnderTest
    beforeAll(async () => {
      server = await startServer({ websocket: application }, { compression })
    })
    afterAll(() => server.close(1))

    it('websockets: echoes, fragments, pings, closes both ways, limits, subprotocols, denials', async () => {
      const checks = [
        'echoes',
        'fragments',
        'pings',
        'closed_by_client',
        'closed_by_server',
        'too_large',
        'subprotocol',
        'denied',
        'many',
      ]
      expect(await run('websockets_client', server.webSocketUrl, ...checks)).toEqual({
        echoes: Array.from({ length: 10 }, () => true),
        fragments: ['Räksmörgås', true],
        pings: [true, true],
        closed_by_client: [4000, ''],
        closed_by_server: [4001, 'räk'],
        too_large: 1009,
        subprotocol: 'v2',
        denied: 403,
        many: true,
      })
      const { closed, compression: worth } = server.stats().webSockets
      expect(closed).toMatchObject({ 4000: 1, 4001: 1, 1009: 1 })
      expect(worth.sent.messages > 0).toBe(compression !== false)
    })

    it('wsproto: fragments around a ping, single bytes, closes both ways, subprotocols, rejections', async () => {
      const checks = [
        'fragments_around_a_ping',
        'byte_by_byte',
        'close_codes',
        'closed_by_server',
        'subprotocol',
        'rejected',
      ]
      expect(await run('wsproto_client', ...address(server), ...checks)).toEqual({
        fragments_around_a_ping: [true, 'Räksmörgås'],
        byte_by_byte: true,
        close_codes: [true, 4999, true],
        closed_by_server: [4001, 'räk', true],
        subprotocol: 'v2',
        rejected: [true, 403],
      })
      await eventually(() => server.stats().webSockets.closed[4999]).toBe(1)
    })
  })

  describe('that offer compression', () => {
    let server: ServerUnderTest
    beforeAll(async () => {
      server = await startServer({ websocket: application }, { compression: { thresholdBytes: 0 } })
    })
    afterAll(() => server.close(1))

    it('websockets: every parameter, size and number of fragments, text and bytes', { timeout: 120_000 }, async () => {
      const { compressed } = (await run('websockets_client', server.webSocketUrl, 'compressed')) as {
        readonly compressed: readonly (readonly [offer: object, extensions: number, areSame: boolean])[]
      }
      expect(compressed.length).toBe(21)
      for (const [offer, extensions, areSame] of compressed) {
        // zlib cannot deflate with a window of 8 bits (256 bytes), so that offer is declined.
        const isDeclined = 'server_max_window_bits' in offer && offer.server_max_window_bits === 8
        expect([offer, extensions, areSame]).toEqual([offer, isDeclined ? 0 : 1, true])
      }
    })

    it('wsproto: with and without context takeover, with a window', async () => {
      expect(await run('wsproto_client', ...address(server), 'compressed')).toEqual({
        compressed: [
          [true, true],
          [true, true],
          [true, true],
        ],
      })
    })

    it('Autobahn: strictly checked, in fragments, with and without compression', async () => {
      const done = { same: true, close: [true, 4321, null] }
      expect(await run('autobahn_client', ...address(server))).toEqual([
        { ...done, extensions: 0, protocol: null },
        { ...done, extensions: 0, protocol: 'v2' },
        { ...done, extensions: 1, protocol: null },
        { ...done, extensions: 1, protocol: null },
      ])
    })
  })
})
