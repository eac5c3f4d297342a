import { once } from 'node:events'
import { context, propagation, SpanStatusCode, trace } from '@opentelemetry/api'
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
  type ReadableSpan,
} from '@opentelemetry/sdk-trace-base'
import {
  defineApplication,
  InMemoryChannelLayer,
  nodeListener,
  originValidator,
  serve,
  WebSocketConsumer,
  type Handlers,
  type RunningServer,
  type TextOrBytes,
} from 'tideway'
import type { Follows } from 'tideway/consumer'
import { defineGroup, LiveConsumer, volatile } from 'tideway/live'
import { path, rePath, urlRouter } from 'tideway/routing'
import * as v from 'valibot'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { AsyncContextManager } from './open-telemetry/async-context-manager.ts'
import { TraceParent } from './open-telemetry/trace-parent.ts'
import { currentTrace, instrumentation, tracing } from './open-telemetry/tracing.ts'

// The example of docs/guides/observability.md with real spans.

const exporter = new InMemorySpanExporter()
const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
const channelLayer = new InMemoryChannelLayer({ keptGroups: { tracing } })

/** What the span is that a handler's own work would be a child of. */
const seen: (string | undefined)[] = []
const noteSpan = (): void => void seen.push((trace.getActiveSpan() as ReadableSpan | undefined)?.name)

type Events = { 'chat.message': { text: string; trace: string } }

class ChatConsumer extends WebSocketConsumer<{}, object> implements Handlers<Events> {
  override readonly groups = ['room']

  override async connect() {
    noteSpan()
    if (this.scope.path === '/refused/') await this.deny({ status: 401 })
    else await this.accept()
  }

  override async receive({ text }: TextOrBytes) {
    await Promise.resolve()
    noteSpan()
    if (text === 'fail') throw new Error('meant')
    await this.channelLayer.groupSend('room', { type: 'chat.message', text: text!, trace: currentTrace() })
  }

  onChatMessage({ text }: Events['chat.message']) {
    noteSpan()
    return this.send({ text })
  }
}

const news = defineGroup('news', { events: { said: v.string(), typing: volatile(v.string()) } })

/** Follows a kept group with a wire of its own. */
class NewsConsumer extends WebSocketConsumer<{}, object> implements Follows {
  override async connect() {
    await this.accept()
    await this.follow('news.1')
    await this.send({ text: 'following' })
  }

  onReset() {}

  onSaid(text: string) {
    noteSpan()
    return this.send({ text })
  }
}

/** Passes the events of the group to live clients. */
class LiveNews extends LiveConsumer<{}, object> {
  static override groups = { news }

  override authorize() {
    return true
  }
}

let server: RunningServer

beforeAll(async () => {
  trace.setGlobalTracerProvider(provider)
  context.setGlobalContextManager(new AsyncContextManager())
  propagation.setGlobalPropagator(new TraceParent())
  const application = defineApplication({
    channelLayers: { default: channelLayer },
    http: nodeListener(async (request, response) => {
      await Promise.resolve()
      noteSpan()
      if (request.url === '/fail') throw new Error('meant')
      response.end('hello')
    }),
    websocket: originValidator(
      urlRouter([
        path('news/', NewsConsumer.asApplication()),
        path('live/', LiveNews.asApplication()),
        rePath('', ChatConsumer.asApplication()),
      ]),
      ['*'],
    ),
  })
  const silent = { debug() {}, info() {}, warn() {}, error() {} }
  server = await serve(application, { port: 0, instrumentation, logger: silent })
})

afterAll(async () => {
  await server.close(1)
  await channelLayer.close()
  await provider.shutdown()
  trace.disable()
  context.disable()
  propagation.disable()
})

afterEach(() => {
  exporter.reset()
  seen.length = 0
})

async function spans(...names: readonly string[]): Promise<ReadableSpan[]> {
  const finished = (): ReadableSpan[] => exporter.getFinishedSpans()
  await expect
    .poll(() =>
      finished()
        .map(({ name }) => name)
        .toSorted(),
    )
    .toEqual([...names].toSorted())
  return names.map((name) => finished().find((span) => span.name === name)!)
}

const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'

it('a request is a span below that of its client, and the context of its work', async () => {
  await (await fetch(`${server.url}/hello?x=1`, { headers: { traceparent } })).text()
  const [span] = await spans('GET /hello?x=1')
  expect(span!.spanContext().traceId).toBe('0af7651916cd43dd8448eb211c80319c')
  expect(span!.parentSpanContext?.spanId).toBe('b7ad6b7169203331')
  expect(span!.attributes).toEqual({ 'http.response.status_code': 200 })
  expect(seen).toEqual(['GET /hello?x=1'])
})

it('a request whose listener throws is a span with its error', async () => {
  await (await fetch(`${server.url}/fail`)).text()
  const [span] = await spans('GET /fail')
  expect(span!.attributes).toEqual({ 'http.response.status_code': 500 })
  expect(span!.status.code).toBe(SpanStatusCode.ERROR)
  expect(span!.events.map(({ name }) => name)).toEqual(['exception'])
})

it('a connection is a span, with one for each event and message that its consumer handles', async () => {
  const client = new WebSocket(`${server.webSocketUrl}/ws/`, { headers: { traceparent } })
  await once(client, 'open')
  client.send('hello')
  await once(client, 'message')
  client.close(4001)
  const [connection, connect, receive, message, disconnect] = await spans(
    'WebSocket /ws/',
    'ChatConsumer websocket.connect',
    'ChatConsumer websocket.receive',
    'ChatConsumer chat.message',
    'ChatConsumer websocket.disconnect',
  )
  expect(connection!.parentSpanContext?.spanId).toBe('b7ad6b7169203331')
  expect(connection!.attributes).toEqual({ 'websocket.close_code': 4001 })
  for (const handled of [connect, receive, message, disconnect]) {
    expect(handled!.parentSpanContext?.spanId).toBe(connection!.spanContext().spanId)
  }
  // What sent the message is known although a group is between them.
  expect(message!.links.map((link) => link.context.spanId)).toEqual([receive!.spanContext().spanId])
  expect(seen).toEqual([connect!.name, receive!.name, message!.name])
})

it('a handler that throws is a span with its error, and so is its connection', async () => {
  const client = new WebSocket(`${server.webSocketUrl}/ws/`)
  await once(client, 'open')
  client.send('fail')
  await once(client, 'close')
  const [connection, , receive] = await spans(
    'WebSocket /ws/',
    'ChatConsumer websocket.connect',
    'ChatConsumer websocket.receive',
    'ChatConsumer websocket.disconnect',
  )
  expect(connection!.attributes).toEqual({ 'websocket.close_code': 1011 })
  for (const failed of [connection!, receive!]) {
    expect(failed.status.code).toBe(SpanStatusCode.ERROR)
    expect(failed.events.map(({ attributes }) => attributes!['exception.message'])).toEqual(['meant'])
  }
})

it('a handshake that is refused is a span with the status of its answer', async () => {
  const client = new WebSocket(`${server.webSocketUrl}/refused/`)
  await once(client, 'error')
  const [connection] = await spans(
    'WebSocket /refused/',
    'ChatConsumer websocket.connect',
    'ChatConsumer websocket.disconnect',
  )
  expect(connection!.attributes).toMatchObject({ 'http.response.status_code': 401, 'websocket.close_code': 1006 })
})

it('an event of a kept group is a span, and its deliveries and handlers are linked to it', async () => {
  const follower = new WebSocket(`${server.webSocketUrl}/news/`)
  const live = new WebSocket(`${server.webSocketUrl}/live/`, 'tideway.v1.json')
  const frames: string[] = []
  live.on('message', (data) => void frames.push((data as Buffer).toString()))
  await Promise.all([once(follower, 'message'), once(live, 'open')])
  live.send(JSON.stringify({ t: 'hello', v: 1, groups: { 'news.1': {} } }))
  await expect.poll(() => frames.some((frame) => frame.includes('"joined"'))).toBe(true)
  exporter.reset()
  seen.length = 0

  const received = once(follower, 'message')
  await news('1').publish(channelLayer, 'said', 'hello')
  await news('1').publish(channelLayer, 'typing', 'ann')
  await received
  await expect.poll(() => frames.filter((frame) => frame.includes('"e":'))).toHaveLength(2)
  const finished = exporter.getFinishedSpans()
  const [said, typing] = finished.filter(({ name }) => name === 'publish')
  const deliveries = finished.filter(({ name }) => name === 'deliver')
  await expect
    .poll(() => exporter.getFinishedSpans().filter(({ name }) => name === 'NewsConsumer said'))
    .toHaveLength(1)
  const handled = exporter.getFinishedSpans().find(({ name }) => name === 'NewsConsumer said')!
  const linked = (span: ReadableSpan): string[] => span.links.map(({ context: { spanId } }) => spanId)
  expect(deliveries.map(linked)).toEqual([[said!.spanContext().spanId], [typing!.spanContext().spanId]])
  expect(linked(handled)).toEqual([said!.spanContext().spanId])
  expect(deliveries[0]!.attributes).toEqual({ 'messaging.destination.name': 'news.1', 'tideway.followers': 2 })
  expect(seen).toEqual(['NewsConsumer said'])
  // No frame to a client has the trace, and neither has the history.
  expect(frames.filter((frame) => frame.includes('"e":')).map((frame) => frame.replace(/"at":"[^"]+",/, ''))).toEqual([
    '{"g":"news.1","e":"said","d":"hello"}',
    '{"g":"news.1","e":"typing","d":"ann"}',
  ])
  expect(await news('1').history(channelLayer)).toEqual([
    { name: 'said', data: 'hello', id: undefined, position: expect.any(String) },
  ])
  follower.close()
  live.close()
})
