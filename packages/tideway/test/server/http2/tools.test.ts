import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { describeWith, programPath } from '../../../../../test/setup/describe-with.ts'
import { fetchHandler } from '../../../src/server/http/fetch-handler.ts'
import { nodeListener } from '../../../src/server/http/node-listener.ts'
import { eventually, serving } from '../serving.ts'
import { suiteCertificates } from '../tls/certificates.ts'

const run = promisify(execFile)
const BODY = Buffer.alloc(3_000_000, 'body ')

describeWith(['openssl', 'curl', 'nghttp2'], 'programs with HTTP/2', () => {
  const certificates = suiteCertificates()

  async function site() {
    const http = fetchHandler(async (request) => {
      const { pathname } = new URL(request.url)
      if (pathname === '/big') return new Response(BODY)
      if (pathname === '/digest') {
        const hash = createHash('sha256').update(Buffer.from(await request.arrayBuffer()))
        return new Response(hash.digest('hex'))
      }
      return new Response(`${request.method} ${pathname} ${await request.text()}`)
    })
    return serving({ http }, { tlsKey: certificates.pair.keyFile, tlsCert: certificates.pair.certFile })
  }

  describe('curl', () => {
    const curl = async (...args: readonly string[]): Promise<string> => {
      const { stdout } = await run(programPath('curl'), [
        '--silent',
        '--show-error',
        '--cacert',
        certificates.pair.certFile,
        ...args,
      ])
      return stdout
    }

    it('negotiates its preferred version, and gets the same response', async () => {
      const { url } = await site()
      const format = '\n%{http_version} %{http_code}'
      expect(await curl('--http2', '-w', format, '-d', 'text', `${url}/a`)).toBe('POST /a text\n2 200')
      expect(await curl('--http1.1', '-w', format, '-d', 'text', `${url}/a`)).toBe('POST /a text\n1.1 200')
    })

    it('uploads and downloads more than the windows', async () => {
      const { url } = await site()
      const file = certificates.folder.file('upload', BODY.toString())
      const digest = createHash('sha256').update(BODY).digest('hex')
      expect(await curl('--http2', '--data-binary', `@${file}`, `${url}/digest`)).toBe(digest)
      const format = '%{http_version} %{size_download}'
      expect(await curl('--http2', '-o', '/dev/null', '-w', format, `${url}/big`)).toBe(`2 ${BODY.length}`)
    })

    it('gets only the headers of HEAD', async () => {
      const { url } = await site()
      expect(await curl('--http2', '--head', `${url}/a`)).toMatch(/^HTTP\/2 200/)
    })
  })

  it('nghttp gets several pages on one connection, and uploads', async () => {
    const server = await site()
    const file = certificates.folder.file('data', 'hello')
    const { stdout } = await run(programPath('nghttp2'), ['--data', file, `${server.url}/a`, `${server.url}/b`])
    expect(stdout).toContain('POST /a hello')
    expect(stdout).toContain('POST /b hello')
    expect(server.stats().sockets.total).toBe(1)
  })

  it('h2load gets a response to each of its requests, a hundred at a time on each connection', async () => {
    const listener = nodeListener((_request, response) => response.end('ok'))
    const server = await serving(
      { http: listener },
      { tlsKey: certificates.pair.keyFile, tlsCert: certificates.pair.certFile },
    )
    const h2load = programPath('nghttp2').replace(/nghttp$/, 'h2load')
    const { stdout } = await run(h2load, ['-n', '4000', '-c', '4', '-m', '100', `${server.url}/`])
    expect(stdout).toContain('4000 succeeded, 0 failed, 0 errored, 0 timeout')
    expect(stdout).toContain('Application protocol: h2')
    await eventually(() => server.stats().requests).toMatchObject({ running: 0, total: 4000, aborted: 0 })
  })
})
