import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { startProgram, type RunningProgram } from '../../../../../test/setup/child-process.ts'
import { describeWith, programPath } from '../../../../../test/setup/describe-with.ts'
import { freePort } from '../../../../../test/setup/free-port.ts'
import { nodeListener } from '../../../src/server/http/node-listener.ts'
import { echo } from '../applications.ts'
import { startServer, type ServerUnderTest } from '../serving.ts'

/** The headers of an upgrade, and no `proxy_http_version`: nginx then asks in HTTP/1.0. */
const config = (folder: string, port: number, serverPort: number): string => `
pid ${folder}/nginx.pid;
error_log stderr;
events {}
http {
  access_log off;
  client_body_temp_path ${folder}/a; proxy_temp_path ${folder}/b; fastcgi_temp_path ${folder}/c;
  uwsgi_temp_path ${folder}/d; scgi_temp_path ${folder}/e;
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://127.0.0.1:${serverPort};
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection upgrade;
    }
  }
}
`

describeWith(['nginx'], 'nginx that passes Upgrade on in HTTP/1.0', () => {
  let server: ServerUnderTest
  let proxy: RunningProgram
  let port: number
  let folder: string

  beforeAll(async () => {
    const http = nodeListener(({ url, httpVersion }, response) => {
      response.statusCode = url === '/page' ? 200 : 404
      response.end(httpVersion)
    })
    server = await startServer({ http, websocket: echo })
    folder = await mkdtemp(join(tmpdir(), 'tideway-nginx-'))
    await mkdir(join(folder, 'logs'))
    port = await freePort()
    const file = join(folder, 'nginx.conf')
    await writeFile(file, config(folder, port, server.port))
    const args = ['-p', folder, '-c', file, '-e', 'stderr', '-g', 'daemon off;']
    proxy = await startProgram(programPath('nginx'), args, { ready: port })
  })

  afterAll(async () => {
    await proxy.stop()
    await server.close(1)
    await rm(folder, { recursive: true })
  })

  it('gets the requested page (RFC 9110 §7.8)', async () => {
    const response = await fetch(`http://127.0.0.1:${port}/page`)
    expect([response.status, await response.text()]).toEqual([200, '1.0'])
  })

  it('gets 404 for a WebSocket, as the troubleshooting page describes', async () => {
    const client = new WebSocket(`ws://127.0.0.1:${port}/ws/`)
    const status = await new Promise((resolve) => {
      client.once('unexpected-response', (_request, { statusCode }) => resolve(statusCode)).once('error', () => {})
    })
    client.terminate()
    expect(status).toBe(404)
  })
})
