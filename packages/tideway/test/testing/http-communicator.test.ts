import { HttpConsumer, type Application } from 'tideway'
import type { HttpScope } from 'tideway/asgi'
import { HttpCommunicator } from 'tideway/testing'
import { describe, expect, it } from 'vitest'

type HttpApplication = Application<HttpScope>

/** Answers with the request. */
class Mirror extends HttpConsumer {
  override async handle(body: Uint8Array) {
    const { method, path, queryString, scheme, headers } = this.scope
    const answer = { method, path, queryString, scheme, type: headers.get('content-type'), body: String(body) }
    await this.sendResponse(JSON.stringify(answer), { status: 201, headers: { 'Content-Type': 'application/json' } })
  }
}

/** Answers 200, and then sends each piece after a turn. */
function streaming(pieces: readonly string[], go: () => Promise<void> = () => Promise.resolve()): HttpApplication {
  return async (_scope, receive, send) => {
    await receive()
    await send({ type: 'http.response.start', status: 200, headers: { 'X-A': 'b' } })
    for (const piece of pieces) {
      await go()
      await send({ type: 'http.response.body', body: piece, moreBody: true })
    }
    await send({ type: 'http.response.body' })
  }
}

describe('HttpCommunicator', () => {
  it('sends a request and returns the whole response', async () => {
    const request = new HttpCommunicator(Mirror.asApplication(), 'post', '/notes/?page=2', {
      headers: { 'Content-Type': 'text/plain' },
      body: 'buy milk',
    })
    const response = await request.getResponse()
    expect(response.status).toBe(201)
    expect(response.headers.get('Content-Type')).toBe('application/json')
    expect(response.json()).toEqual({
      method: 'POST',
      path: '/notes/',
      queryString: 'page=2',
      scheme: 'http',
      type: 'text/plain',
      body: 'buy milk',
    })
    expect(response.text).toBe(response.body.toString())
    await request.wait()
  })

  it('sends an empty body by default, to an absolute URL', async () => {
    const response = await new HttpCommunicator(Mirror.asApplication(), 'GET', 'https://example.com/a').getResponse()
    expect(response.json()).toMatchObject({ scheme: 'https', path: '/a', body: '' })
  })

  it('sends bytes', async () => {
    const response = await new HttpCommunicator(Mirror.asApplication(), 'PUT', '/', {
      body: Buffer.from('bytes'),
    }).getResponse()
    expect(response.json()).toMatchObject({ body: 'bytes' })
  })

  it('joins the pieces of a response', async () => {
    const response = await new HttpCommunicator(streaming(['a', 'é', '']), 'GET', '/').getResponse()
    expect(response).toMatchObject({ status: 200, text: 'aé' })
  })

  it('returns a response of more pieces than may wait', async () => {
    const response = await new HttpCommunicator(streaming(Array<string>(2500).fill('x')), 'GET', '/').getResponse()
    expect(response.body).toHaveLength(2500)
  })

  it('returns the head and each piece of a response as soon as it is sent', async () => {
    let go!: () => void
    const application = streaming(
      ['one', 'two'],
      () =>
        new Promise((resolve) => {
          go = resolve
        }),
    )
    const request = new HttpCommunicator(application, 'GET', '/')
    const { status, headers } = await request.receiveHead()
    expect([status, headers.get('x-a')]).toEqual([200, 'b'])
    expect(await request.receiveNothing(5)).toBe(true)
    go()
    expect(await request.receiveBody()).toEqual({ body: Buffer.from('one'), moreBody: true })
    await expect(request.receiveBody(5)).rejects.toMatchObject({ code: 'ERR_TEST_TIMEOUT' })
    go()
    expect(await request.getResponse()).toMatchObject({ status: 200, text: 'two' })
    await expect(request.receiveBody()).rejects.toThrow('the last piece has been received')
  })

  it('sends a chunked request in pieces while the response is read', async () => {
    const echo: HttpApplication = async (_scope, receive, send) => {
      await send({ type: 'http.response.start', status: 200 })
      for (;;) {
        const event = await receive()
        if (event.type === 'http.disconnect') return
        await send({ type: 'http.response.body', body: event.body, moreBody: event.moreBody })
      }
    }
    const request = new HttpCommunicator(echo, 'POST', '/', { chunked: true })
    expect((await request.receiveHead()).status).toBe(200)
    request.sendBody('one', { moreBody: true })
    expect(String((await request.receiveBody()).body)).toBe('one')
    request.sendBody(Buffer.from('two'))
    expect(await request.receiveBody()).toEqual({ body: Buffer.from('two'), moreBody: false })
    await request.wait()
  })

  it('rejects sendBody() for a request that is not chunked', () => {
    const request = new HttpCommunicator(Mirror.asApplication(), 'POST', '/', { body: 'all' })
    expect(() => request.sendBody('more')).toThrow('sendBody() needs a request that is created with chunked: true.')
  })

  it('returns the trailers', async () => {
    const application: HttpApplication = async (_scope, _receive, send) => {
      await send({ type: 'http.response.start', status: 200, trailers: true })
      await send({ type: 'http.response.body', body: 'all' })
      await send({ type: 'http.response.trailers', headers: { A: '1' }, moreTrailers: true })
      await send({ type: 'http.response.trailers', headers: { B: '2' } })
    }
    const { text, trailers } = await new HttpCommunicator(application, 'GET', '/').getResponse()
    expect([text, ...trailers]).toEqual(['all', ['a', '1'], ['b', '2']])
  })

  it('passes the disconnect to the application when the response is complete', async () => {
    const events: string[] = []
    const application: HttpApplication = async (_scope, receive, send) => {
      await receive()
      await send({ type: 'http.response.start', status: 204 })
      await send({ type: 'http.response.body' })
      events.push((await receive()).type, (await receive()).type)
    }
    const request = new HttpCommunicator(application, 'GET', '/')
    await request.getResponse()
    await request.wait()
    expect(events).toEqual(['http.disconnect', 'http.disconnect'])
  })

  it('passes the disconnect of the client to the application', async () => {
    const events: string[] = []
    const application: HttpApplication = async (_scope, receive) => {
      events.push((await receive()).type, (await receive()).type)
    }
    const request = new HttpCommunicator(application, 'GET', '/')
    expect(await request.receiveNothing(5)).toBe(true)
    await request.disconnect()
    expect(events).toEqual(['http.request', 'http.disconnect'])
  })

  it('ignores a send of the application after the disconnect', async () => {
    const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
    const request = new HttpCommunicator(streaming(['a', 'b'], nextTurn), 'GET', '/')
    await request.receiveHead()
    await expect(request.disconnect()).resolves.toBeUndefined()
  })

  it('rejects with the error that the application threw as the cause', async () => {
    class Failing extends HttpConsumer {
      override handle(): never {
        throw new RangeError('too far')
      }
    }
    const request = new HttpCommunicator(Failing.asApplication(), 'GET', '/')
    await expect(request.getResponse()).rejects.toMatchObject({
      message: 'Expected http.response.start, but the application threw: RangeError: too far',
      cause: new RangeError('too far'),
    })
    await request.disconnect()
    await expect(request.wait()).rejects.toThrow(RangeError)
  })

  it('reports an application that returned without an answer', async () => {
    const request = new HttpCommunicator<HttpScope>(async () => {}, 'GET', '/')
    await expect(request.getResponse()).rejects.toThrow(
      'Expected http.response.start, but the application has sent nothing and has returned.',
    )
  })

  it('disconnects at the end of the block that uses it', async () => {
    let gone = false
    class Waiting extends HttpConsumer {
      override async handle() {
        await this.sendHeaders()
        await new Promise((resolve) => this.signal.addEventListener('abort', resolve))
      }
      override disconnect() {
        gone = true
      }
    }
    {
      await using request = new HttpCommunicator(Waiting.asApplication(), 'GET', '/')
      await request.receiveHead()
    }
    expect(gone).toBe(true)
  })
})
