import { once } from 'node:events'
import type { ClientHttp2Session, IncomingHttpHeaders } from 'node:http2'
import { expect, it, onTestFinished } from 'vitest'
import { describeWith } from '../../../../../test/setup/describe-with.ts'
import type { Application } from '../../../src/asgi/application.ts'
import type { HttpSendEvent } from '../../../src/asgi/http-events.ts'
import type { HttpScope } from '../../../src/asgi/scope.ts'
import { HttpCommunicator } from '../../../src/testing/http-communicator.ts'
import { answerOf, openHttp2 } from '../http2/http2-client.ts'
import { RawClient, requestText } from '../raw-client.ts'
import { serving } from '../serving.ts'
import { CertificateFolder } from '../tls/certificates.ts'

const LINKS = ['</style.css>; rel=preload; as=style', '<https://cdn.example>; rel=preconnect'] as const
const hint: HttpSendEvent = { type: 'http.response.early_hint', links: LINKS }

/** Sends these ahead of the first body, then a response. */
function hinting(...events: readonly HttpSendEvent[]): Application<HttpScope> {
  return async (_scope, _receive, send) => {
    for (const event of events) await send(event)
    await send({ type: 'http.response.start', status: 200 })
    await send(hint)
    await send({ type: 'http.response.body', body: 'page' })
  }
}

async function heads(application: Application<HttpScope>, version: string): Promise<readonly string[]> {
  const server = await serving({ http: application })
  const client = await RawClient.connect(server.port)
  onTestFinished(() => void client.socket.destroy())
  client.write(requestText(`GET / HTTP/${version}`, { Host: 'localhost', Connection: 'close' }))
  await client.over()
  return [...client.received.toString().matchAll(/HTTP\/1\.1 (\d+)[^\r]*\r\n(?:Link: ([^\r]*))?/g)].map(
    ([, status, link]) => `${status} ${link}`,
  )
}

it('sends early hints before the response', async () => {
  const links = LINKS.join(', ')
  expect(await heads(hinting(hint), '1.1')).toEqual([`103 ${links}`, `103 ${links}`, '200 undefined'])
})

it('sends no early hints to an HTTP/1.0 client', async () => {
  expect(await heads(hinting(hint), '1.0')).toEqual(['200 undefined'])
})

it('offers early hints in the scope', async () => {
  let offered: readonly string[] = []
  const server = await serving({
    http: async (scope, receive, send) => {
      offered = Object.keys(scope.extensions!)
      await hinting()(scope, receive, send)
    },
  })
  expect((await fetch(server.url)).status).toBe(200)
  expect(offered).toEqual(expect.arrayContaining(['http.response.early_hint', 'http.response.trailers']))
})

it.each([
  ['behind the first body', { type: 'http.response.body', body: 'a', moreBody: true }, hint, 'ERR_OUT_OF_TURN'],
  ['that are no links', undefined, { type: 'http.response.early_hint', links: ['/style.css'] }, 'ERR_BAD_EVENT'],
  ['that would end their header', undefined, { ...hint, links: ['<a>; rel=x\r\nSet-Cookie: a=1'] }, 'ERR_BAD_EVENT'],
  ['that are no list', undefined, { ...hint, links: '<a>' as never }, 'ERR_BAD_EVENT'],
] as const)('early hints %s are refused, by the communicator of the tests too', async (_what, body, late, code) => {
  const codes: unknown[] = []
  const application: Application<HttpScope> = async (_scope, _receive, send) => {
    if (body !== undefined) {
      await send({ type: 'http.response.start', status: 200 })
      await send(body)
    }
    try {
      await send(late)
    } catch (error) {
      codes.push((error as { code: unknown }).code)
    }
    if (body === undefined) await send({ type: 'http.response.start', status: 200 })
    await send({ type: 'http.response.body' })
  }
  const server = await serving({ http: application })
  expect((await fetch(server.url)).status).toBe(200)
  await using communicator = new HttpCommunicator(application, 'GET', '/')
  expect((await communicator.getResponse()).status).toBe(200)
  expect(codes).toEqual([code, code])
})

it('records early hints in the communicator', async () => {
  await using communicator = new HttpCommunicator(hinting(hint), 'GET', '/')
  expect((await communicator.getResponse()).body.toString()).toBe('page')
  expect(communicator.earlyHints).toEqual([...LINKS, ...LINKS])
})

describeWith(['openssl'], 'early hints over HTTP/2', () => {
  it('are sent before the response', async () => {
    const folder = new CertificateFolder()
    onTestFinished(() => folder.remove())
    const { key, cert } = folder.pair()
    const server = await serving({ http: hinting(hint) }, { tlsKey: key, tlsCert: cert })
    const client: ClientHttp2Session = await openHttp2(server.url, { ca: cert })
    const stream = client.request({ ':path': '/' })
    const answer = answerOf(stream)
    const [headers] = (await once(stream, 'headers')) as [IncomingHttpHeaders]
    expect(headers).toMatchObject({ ':status': 103, link: LINKS.join(', ') })
    expect(await answer).toMatchObject({ status: 200, body: 'page' })
  })
})
