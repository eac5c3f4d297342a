import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { describeWith, programPath } from '../../../../../test/setup/describe-with.ts'
import type { Application } from '../../../src/asgi/application.ts'
import type { HttpScope } from '../../../src/asgi/scope.ts'
import { nodeListener } from '../../../src/server/http/node-listener.ts'
import { eventually, startServer, type ServerUnderTest } from '../serving.ts'

/** Answers with the method, the path and how many bytes came; to `/stream` piece by piece, to `/trailers` with one. */
const http: Application<HttpScope> = async ({ method, path }, receive, send) => {
  let bytes = 0
  for (;;) {
    const event = await receive()
    if (event.type !== 'http.request') return
    bytes += event.body.byteLength
    if (!event.moreBody) break
  }
  const trailers = path === '/trailers'
  await send({ type: 'http.response.start', status: 200, headers: { 'Content-Type': 'text/plain' }, trailers })
  if (path === '/stream') {
    for (const piece of ['one ', 'two ']) await send({ type: 'http.response.body', body: piece, moreBody: true })
  }
  await send({ type: 'http.response.body', body: `${method} ${path} ${bytes}` })
  if (trailers) await send({ type: 'http.response.trailers', headers: { 'X-Checksum': '42' } })
}

describeWith(['curl', 'wrk'], 'tools that speak HTTP/1.1', () => {
  let server: ServerUnderTest
  let folder: string
  beforeAll(async () => {
    server = await startServer({ http }, { drainWindowMs: 0 })
    folder = await mkdtemp(join(tmpdir(), 'tideway-curl-'))
    await writeFile(join(folder, 'large'), Buffer.alloc(5_000_000, 'tide'))
  })
  afterAll(async () => {
    await server.close(1)
    await rm(folder, { recursive: true })
  })

  const curl = async (...args: readonly string[]): Promise<string> =>
    (
      await promisify(execFile)(programPath('curl'), [
        '--silent',
        '--show-error',
        '--max-time',
        '30',
        '--http1.1',
        ...args,
      ])
    ).stdout

  it('curl gets several responses over one connection', async () => {
    const before = server.stats().sockets.total
    const urls = ['/a', '/b', '/stream'].map((path) => `${server.url}${path}`)
    expect(await curl('--write-out', '|%{http_code}|', ...urls)).toBe(
      'GET /a 0|200|GET /b 0|200|one two GET /stream 0|200|',
    )
    expect(server.stats().sockets.total).toBe(before + 1)
  })

  it('curl gets the length of HEAD, and no body', async () => {
    const head = await curl('--head', `${server.url}/page`)
    expect(head).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
    expect(head).toMatch(/^Content-Length: 12\r$/m)
  })

  it.each([
    ['with its length', []],
    ['in chunks', ['--header', 'Transfer-Encoding: chunked']],
    ['after a 100 Continue', ['--header', 'Expect: 100-continue', '--expect100-timeout', '20']],
  ])('curl sends five megabytes %s', async (_how, args) => {
    expect(await curl('--data-binary', `@${join(folder, 'large')}`, ...args, `${server.url}/up`)).toBe(
      'POST /up 5000000',
    )
  })

  it('curl gets the requested trailers', async () => {
    const answer = await curl('--include', '--header', 'TE: trailers', `${server.url}/trailers`)
    expect(answer).toContain('\r\n\r\nGET /trailers 0')
    expect(answer).toMatch(/X-Checksum: 42/)
  })

  it('curl gets responses over HTTP/1.0, and with a request for h2c', async () => {
    expect(await curl('--http1.0', `${server.url}/old`)).toBe('GET /old 0')
    expect(await curl('--http2', `${server.url}/upgrade`)).toBe('GET /upgrade 0')
  })

  it('wrk gets no error under load from an application and from a listener', async () => {
    const direct = await startServer({ http: nodeListener((_request, response) => void response.end('hello')) })
    try {
      for (const one of [server, direct]) {
        const before = one.stats().requests.total
        const { stdout } = await promisify(execFile)(programPath('wrk'), [
          '-t1',
          '-c50',
          '-d2s',
          '--timeout',
          '60s',
          `${one.url}/`,
        ])
        const [, requests] = /(\d+) requests in/.exec(stdout)!
        expect(Number(requests)).toBeGreaterThan(0)
        expect(stdout).not.toMatch(/Non-2xx|Socket errors/)
        // wrk cuts off what is under way at its end.
        await eventually(() => one.stats().requests.running).toBe(0)
        const { total, responses, aborted } = one.stats().requests
        expect(responses['2xx'] + aborted).toBe(total)
        expect(total - before).toBeGreaterThanOrEqual(Number(requests))
      }
    } finally {
      await direct.close(1)
    }
  })
})
