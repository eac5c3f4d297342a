import {
  context,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Link,
  type Span,
} from '@opentelemetry/api'
import type { Instrumentation } from 'tideway/asgi'
import type { EventTracing } from 'tideway/layer'

const tracer = trace.getTracer('chat')

/** For messages of the channel layer: `groupSend(room, { type: 'chat.message', …, trace: currentTrace() })`. */
export function currentTrace(): string {
  const carrier: { traceparent?: string } = {}
  propagation.inject(context.active(), carrier)
  return carrier.traceparent ?? ''
}

/** For the events of kept groups: `new RedisPubSubChannelLayer({ …, keptGroups: { tracing } })`. */
export const tracing: EventTracing = {
  publish(group, run) {
    const attributes = { 'messaging.destination.name': group }
    return tracer.startActiveSpan('publish', { kind: SpanKind.PRODUCER, attributes }, async (span) => {
      try {
        return await run(currentTrace())
      } catch (error) {
        fail(span, error)
        throw error
      } finally {
        span.end()
      }
    })
  },

  deliver({ group, trace: sender, followers }, run) {
    const attributes = { 'messaging.destination.name': group, 'tideway.followers': followers }
    const options = { kind: SpanKind.CONSUMER, attributes, links: linksTo(sender) }
    const span = tracer.startSpan('deliver', options, ROOT_CONTEXT)
    context.with(trace.setSpan(ROOT_CONTEXT, span), run)
    span.end()
  },
}

export const instrumentation: Instrumentation = {
  request({ method, url, headers }) {
    const parent = propagation.extract(context.active(), headers)
    const span = tracer.startSpan(`${method} ${url}`, { kind: SpanKind.SERVER }, parent)
    return {
      run: (serve) => context.with(trace.setSpan(parent, span), serve),
      failed: (error) => fail(span, error),
      ended(status) {
        span.setAttribute('http.response.status_code', status).end()
      },
    }
  },

  connection({ path }, { headers }) {
    const parent = propagation.extract(context.active(), headers)
    const span = tracer.startSpan(`WebSocket ${path}`, { kind: SpanKind.SERVER }, parent)
    const ofConnection = trace.setSpan(parent, span)
    return {
      run: (serve) => context.with(ofConnection, serve),
      refused: (status) => void span.setAttribute('http.response.status_code', status),
      failed: (error) => fail(span, error),
      ended(code) {
        span.setAttribute('websocket.close_code', code).end()
      },
      handler({ consumer, type, event }, run) {
        const handling = tracer.startSpan(
          `${consumer} ${type}`,
          { links: linksTo('trace' in event ? event.trace : undefined) },
          ofConnection,
        )
        return context.with(trace.setSpan(ofConnection, handling), async () => {
          try {
            await run()
          } catch (error) {
            fail(handling, error)
            throw error
          } finally {
            handling.end()
          }
        })
      },
    }
  },
}

function fail(span: Span, error: unknown): void {
  span.recordException(error as Error)
  span.setStatus({ code: SpanStatusCode.ERROR })
}

/** The span that has sent a message of the channel layer, or published an event, in this process or another. */
function linksTo(traceparent: unknown): Link[] {
  const sender = trace.getSpanContext(propagation.extract(ROOT_CONTEXT, { traceparent }))
  return sender === undefined ? [] : [{ context: sender }]
}
