import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { startProgram } from '../../../../../test/setup/child-process.ts'
import { describeWith, programPath } from '../../../../../test/setup/describe-with.ts'
import { freePort } from '../../../../../test/setup/free-port.ts'
import { echo } from '../applications.ts'
import { RawClient, requestText } from '../raw-client.ts'
import { serving } from '../serving.ts'

const request = requestText('GET / HTTP/1.1', { Host: 'localhost', Connection: 'close' })
const warning = expect.stringContaining('A proxy sends the PROXY protocol') as string

describe('the PROXY protocol', () => {
  it.each([
    [1, Buffer.from(`PROXY TCP4 192.0.2.1 127.0.0.1 4711 80\r\n${request}`)],
    [2, Buffer.concat([Buffer.from('0d0a0d0a000d0a515549540a20000000', 'hex'), Buffer.from(request)])],
  ])('causes one warning and 400 in version %i', async (version, bytes) => {
    const server = await serving({ websocket: echo })
    for (let i = 0; i < 2; i++) {
      const client = await RawClient.connect(server.port)
      client.write(bytes)
      expect((await client.response()).status).toBe(400)
    }
    expect(server.log).toEqual([{ level: 'warn', details: { version }, message: warning }])
  })

  it.each(['PROPFIND / HTTP/1.1', 'PROXIES / HTTP/1.1'])(
    'is not detected in other requests: %s',
    async (requestLine) => {
      const server = await serving({ websocket: echo })
      const client = await RawClient.connect(server.port)
      client.write(requestText(requestLine, { Host: 'localhost', Connection: 'close' }))
      await client.response()
      expect(server.log.filter(({ level }) => level === 'warn')).toEqual([])
    },
  )
})

describeWith(['haproxy'], 'HAProxy with send-proxy', () => {
  it.each([
    ['send-proxy', 1],
    ['send-proxy-v2', 2],
  ])('causes a warning with %s', async (option, version) => {
    const server = await serving({ websocket: echo })
    const port = await freePort()
    const folder = await mkdtemp(join(tmpdir(), 'tideway-haproxy-'))
    const file = join(folder, 'haproxy.cfg')
    const times = 'timeout client 10s\n  timeout server 10s\n  timeout connect 10s'
    await writeFile(
      file,
      `defaults\n  mode http\n  ${times}\nlisten site\n  bind 127.0.0.1:${port}\n  server one 127.0.0.1:${server.port} ${option}\n`,
    )
    const proxy = await startProgram(programPath('haproxy'), ['-db', '-f', file], { ready: port })
    try {
      expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(400)
      expect(server.log).toEqual([{ level: 'warn', details: { version }, message: warning }])
    } finally {
      await proxy.stop()
      await rm(folder, { recursive: true })
    }
  })
})
