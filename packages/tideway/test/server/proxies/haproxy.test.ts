import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startProgram, type RunningProgram } from '../../../../../test/setup/child-process.ts'
import { describeWith, programPath } from '../../../../../test/setup/describe-with.ts'
import { freePort } from '../../../../../test/setup/free-port.ts'
import type { Application } from '../../../src/asgi/application.ts'
import type { HttpScope } from '../../../src/asgi/scope.ts'
import { startServer, type ServerUnderTest } from '../serving.ts'

const tell: Application<HttpScope> = async (scope, _receive, send) => {
  await send({ type: 'http.response.start', status: 200 })
  await send({ type: 'http.response.body', body: JSON.stringify({ client: scope.client?.host, scheme: scope.scheme }) })
}

/** HAProxy before 2.8 has no `option forwarded`: its manual adds a line of the header. */
const config = (port: number, serverPort: number): string => `
defaults
  mode http
  timeout client 10s
  timeout server 10s
  timeout connect 10s
frontend site
  bind [::1]:${port}
  bind 127.0.0.1:${port}
  http-request add-header Forwarded proto=http;for=\\"[%[src]]\\"
  default_backend tideway
backend tideway
  server one 127.0.0.1:${serverPort}
`

describeWith(['haproxy'], 'Forwarded of a real HAProxy', () => {
  let server: ServerUnderTest
  let proxy: RunningProgram
  let port: number
  let folder: string

  beforeAll(async () => {
    server = await startServer({ http: tell }, { proxyHeaders: true, trustedProxies: ['127.0.0.1/32'] })
    folder = await mkdtemp(join(tmpdir(), 'tideway-haproxy-'))
    port = await freePort()
    const file = join(folder, 'haproxy.cfg')
    await writeFile(file, config(port, server.port))
    proxy = await startProgram(programPath('haproxy'), ['-db', '-f', file], { ready: port })
  })

  afterAll(async () => {
    await proxy.stop()
    await server.close(1)
    await rm(folder, { recursive: true })
  })

  /** What the application sees of a request that comes through the proxy from `::1`. */
  async function seen(forged: string): Promise<unknown> {
    const response = await new Promise<NodeJS.ReadableStream>((resolve, reject) => {
      request({ host: '::1', port, headers: { Forwarded: forged } }, resolve)
        .on('error', reject)
        .end()
    })
    return JSON.parse(await text(response))
  }

  it.each(['for=6.6.6.6', 'for=6.6.6.6;proto=https;a="', 'for=6.6.6.6;proto=https;a="\\', '"', 'for="6.6.6.6'])(
    'has the real client, also if the client sent its own header: %s',
    async (forged) => {
      expect(await seen(forged)).toEqual({ client: '::1', scheme: 'http' })
    },
  )
})
