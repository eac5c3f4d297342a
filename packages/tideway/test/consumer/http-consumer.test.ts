import { request as httpRequest } from 'node:http'
import { defineApplication, HttpConsumer, InMemoryChannelLayer, path, urlRouter } from 'tideway'
import type { HttpSendEvent } from 'tideway/asgi'
import { HttpCommunicator, liveServer } from 'tideway/testing'
import { describe, expect, it } from 'vitest'
import { RecordingLogger } from './recording-logger.ts'

/** Answers a JSON body with what is in it. */
class Sum extends HttpConsumer {
  override async handle(body: Uint8Array) {
    const { numbers } = JSON.parse(String(body)) as { numbers: number[] }
    const sum = numbers.reduce((total, number) => total + number, 0)
    await this.sendResponse(JSON.stringify({ sum }), { headers: { 'Content-Type': 'application/json' } })
  }
}

function withLayer() {
  const layer = new InMemoryChannelLayer()
  return { layer, scope: { channelLayers: { default: layer }, logger: new RecordingLogger() } }
}

describe('HttpConsumer', () => {
  it('answers a POST of JSON', async () => {
    const request = new HttpCommunicator(Sum.asApplication(), 'POST', '/sum/', { body: '{"numbers":[1,2,3]}' })
    const response = await request.getResponse()
    expect(response).toMatchObject({ status: 200, text: '{"sum":6}' })
    expect(response.headers.get('content-type')).toBe('application/json')
    await request.wait()
  })

  it('handles a body that arrives in pieces once, whole', async () => {
    const request = new HttpCommunicator(Sum.asApplication(), 'POST', '/', { chunked: true })
    request.sendBody('{"numbers":', { moreBody: true })
    request.sendBody('[1,', { moreBody: true })
    request.sendBody('')
    await expect(request.getResponse()).rejects.toThrow(SyntaxError.name)
    const again = new HttpCommunicator(Sum.asApplication(), 'POST', '/', { chunked: true })
    again.sendBody('{"numbers":', { moreBody: true })
    again.sendBody('[1,2]}')
    expect((await again.getResponse()).text).toBe('{"sum":3}')
  })

  it('rejects with the error of handle(), which the server answers with 500, and disconnects once', async () => {
    let disconnects = 0
    class Failing extends HttpConsumer {
      override handle(): never {
        throw new RangeError('no')
      }
      override disconnect() {
        disconnects++
      }
    }
    const request = new HttpCommunicator(Failing.asApplication(), 'GET', '/')
    await expect(request.wait()).rejects.toThrow(RangeError)
    expect(disconnects).toBe(1)
  })

  it('creates one instance per request, with the scope of the request', async () => {
    class Where extends HttpConsumer<{ id: number }> {
      #requests = 0
      override handle() {
        return this.sendResponse(`${this.scope.method} ${this.scope.urlRoute.kwargs.id} ${++this.#requests}`)
      }
    }
    const application = urlRouter([path('items/<int:id>/', Where.asApplication())])
    const texts = await Promise.all(
      ['1', '2'].map(
        async (id) => (await new HttpCommunicator(application, 'GET', `/items/${id}/`).getResponse()).text,
      ),
    )
    expect(texts).toEqual(['GET 1 1', 'GET 2 1'])
  })

  it('accepts a receive and a send that return promises or nothing', async () => {
    const { scope } = new HttpCommunicator(Sum.asApplication(), 'POST', '/')
    const event = { type: 'http.request', body: Buffer.from('{"numbers":[1]}'), moreBody: false } as const
    for (const later of [false, true]) {
      const sent: HttpSendEvent[] = []
      const receive = () => (later ? Promise.resolve(event) : event)
      const send = (event: HttpSendEvent): void | Promise<void> => {
        sent.push(event)
        return later ? Promise.resolve() : undefined
      }
      await Sum.asApplication()(scope, receive, send)
      expect(sent.map(({ type }) => type)).toEqual(['http.response.start', 'http.response.body'])
    }
  })

  it('streams a response in pieces', async () => {
    class Counting extends HttpConsumer {
      override async handle() {
        await this.sendHeaders({ status: 206, headers: [['X-A', 'b']] })
        for (const number of ['1', '2']) await this.sendBody(number, { moreBody: true })
        await this.sendBody(new Uint8Array([0x33]))
      }
    }
    const request = new HttpCommunicator(Counting.asApplication(), 'GET', '/')
    expect((await request.receiveHead()).status).toBe(206)
    expect(String((await request.receiveBody()).body)).toBe('1')
    expect(await request.getResponse()).toMatchObject({ text: '23' })
  })

  it('disconnects once when its response is complete', async () => {
    let disconnects = 0
    class Answering extends HttpConsumer {
      override handle() {
        return this.sendResponse('', { status: 204 })
      }
      override disconnect() {
        disconnects++
      }
    }
    const request = new HttpCommunicator(Answering.asApplication(), 'GET', '/')
    await request.getResponse()
    await request.wait()
    expect(disconnects).toBe(1)
  })

  it('disconnects and aborts its signal when the client disconnects while handle() runs', async () => {
    const calls: string[] = []
    class Waiting extends HttpConsumer {
      override async handle() {
        await new Promise<void>((resolve) => this.signal.addEventListener('abort', () => resolve()))
        calls.push('aborted')
        await this.sendResponse('too late')
      }
      override disconnect() {
        calls.push('disconnect')
      }
    }
    const request = new HttpCommunicator(Waiting.asApplication(), 'GET', '/')
    expect(await request.receiveNothing(5)).toBe(true)
    await request.disconnect()
    await request.wait()
    expect(calls).toEqual(['aborted', 'disconnect'])
  })

  it('disconnects without handle() when the client disconnects within its body', async () => {
    const calls: string[] = []
    class Noting extends HttpConsumer {
      override handle() {
        calls.push('handle')
      }
      override disconnect() {
        calls.push('disconnect')
      }
    }
    const request = new HttpCommunicator(Noting.asApplication(), 'POST', '/', { chunked: true })
    request.sendBody('half', { moreBody: true })
    await request.disconnect()
    expect(calls).toEqual(['disconnect'])
  })

  it('ends when handle() returns without an answer and no message can reach the consumer', async () => {
    class Forgetful extends HttpConsumer {
      override handle() {}
    }
    const request = new HttpCommunicator(Forgetful.asApplication(), 'GET', '/')
    await expect(request.getResponse()).rejects.toThrow('has sent nothing and has returned')
  })

  describe('maxBodyBytes of an HttpConsumer', () => {
    class Small extends HttpConsumer {
      static override maxBodyBytes = 4
      override handle(body: Uint8Array) {
        return this.sendResponse(`${body.byteLength}`)
      }
    }

    it.each([
      [['1234'], 200, '4'],
      [['12345'], 413, 'Content Too Large'],
      [['12', '34'], 200, '4'],
      [['12', '34', '5'], 413, 'Content Too Large'],
      [['12345', '6', '7'], 413, 'Content Too Large'],
    ])('answers %j with %d', async (pieces, status, text) => {
      const request = new HttpCommunicator(Small.asApplication(), 'POST', '/', { chunked: true })
      pieces.forEach((piece, i) => request.sendBody(piece, { moreBody: i < pieces.length - 1 }))
      expect(await request.getResponse()).toMatchObject({ status, text })
      await request.wait()
    })

    it('is 1 MiB by default', async () => {
      class Sized extends HttpConsumer {
        override handle(body: Uint8Array) {
          return this.sendResponse(`${body.byteLength}`)
        }
      }
      const answers = [1024 * 1024, 1024 * 1024 + 1].map((size) =>
        new HttpCommunicator(Sized.asApplication(), 'POST', '/', { body: Buffer.alloc(size) }).getResponse(),
      )
      expect(await Promise.all(answers)).toMatchObject([{ status: 200, text: '1048576' }, { status: 413 }])
    })

    it('rejects the upload of a real client before its end', async () => {
      const application = defineApplication({ http: Small.asApplication() })
      await using server = await liveServer(application)
      const status = await new Promise((resolve, reject) => {
        const upload = httpRequest(server.url, { method: 'POST' }, (response) => resolve(response.resume().statusCode))
        upload.once('error', reject)
        upload.write('12345')
        // It never ends: the answer does not wait for it.
      })
      expect(status).toBe(413)
    })
  })
})

describe('an HttpConsumer that waits for the channel layer', () => {
  /** Answers when news arrive. */
  class LongPoll extends HttpConsumer {
    override async handle() {
      await this.channelLayer.groupAdd('news', this.channelName)
    }
    onNews({ text }: { text: string }) {
      return this.sendResponse(text)
    }
  }

  /** Sends each piece of news as it comes. */
  class EventStream extends HttpConsumer {
    override async handle() {
      await this.sendHeaders({ headers: { 'Content-Type': 'text/event-stream' } })
      await this.sendBody('', { moreBody: true })
      await this.channelLayer.groupAdd('news', this.channelName)
    }
    onNews({ text }: { text: string }) {
      return this.sendBody(`data: ${text}\n\n`, { moreBody: true })
    }
    onEnd() {
      return this.sendBody('')
    }
  }

  it('answers a long poll after handle() has returned, and leaves its group then', async () => {
    const { layer, scope } = withLayer()
    const request = new HttpCommunicator(LongPoll.asApplication(), 'GET', '/', { scope })
    expect(await request.receiveNothing(5)).toBe(true)
    await layer.groupSend('news', { type: 'news', text: 'here it is' })
    expect((await request.getResponse()).text).toBe('here it is')
    await request.wait()
    expect(layer.stats()).toMatchObject({ groups: 0, channels: 0 })
  })

  it('handles no second message after the answer of a long poll', async () => {
    const { layer, scope } = withLayer()
    const request = new HttpCommunicator(LongPoll.asApplication(), 'GET', '/', { scope })
    await request.receiveNothing(5)
    await Promise.all(['one', 'two'].map((text) => layer.groupSend('news', { type: 'news', text })))
    expect((await request.getResponse()).text).toBe('one')
    await request.wait()
  })

  it('leaves the group of a long poll when its client disconnects', async () => {
    const { layer, scope } = withLayer()
    const request = new HttpCommunicator(LongPoll.asApplication(), 'GET', '/', { scope })
    await request.receiveNothing(5)
    expect(layer.stats().groups).toBe(1)
    await request.disconnect()
    expect(layer.stats()).toMatchObject({ groups: 0, channels: 0 })
  })

  it('streams events until the last one', async () => {
    const { layer, scope } = withLayer()
    const request = new HttpCommunicator(EventStream.asApplication(), 'GET', '/', { scope })
    expect((await request.receiveHead()).headers.get('content-type')).toBe('text/event-stream')
    await request.receiveBody()
    for (const text of ['one', 'two']) {
      await layer.groupSend('news', { type: 'news', text })
      expect(String((await request.receiveBody()).body)).toBe(`data: ${text}\n\n`)
    }
    await layer.groupSend('news', { type: 'end' })
    expect(await request.receiveBody()).toEqual({ body: Buffer.alloc(0), moreBody: false })
    await request.wait()
    expect(layer.stats().groups).toBe(0)
  })

  it('streams events to a real client, and leaves its group when the client disconnects', async () => {
    const { layer } = withLayer()
    const application = defineApplication({ channelLayers: { default: layer }, http: EventStream.asApplication() })
    await using server = await liveServer(application)
    const gone = new AbortController()
    const response = await fetch(server.url, { signal: gone.signal })
    const reader = response.body!.getReader() as ReadableStreamDefaultReader<Uint8Array>
    await expect.poll(() => layer.stats().groups).toBe(1)
    await layer.groupSend('news', { type: 'news', text: 'hello' })
    expect(String(Buffer.from((await reader.read()).value!))).toBe('data: hello\n\n')
    gone.abort()
    await expect.poll(() => layer.stats()).toMatchObject({ groups: 0, channels: 0 })
  })
})
