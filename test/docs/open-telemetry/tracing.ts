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

const tracer = trace.getTracer('chat')

/** For messages of the channel layer: `groupSend(room, { type: 'chat.message', …, trace: currentTrace() })`. */
export function currentTrace(): Record<string, string> {
  const carrier = {}
  propagation.inject(context.active(), carrier)
  return carrier
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
        const handling = tracer.startSpan(`${consumer} ${type}`, { links: linksTo(event) }, ofConnection)
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

/** What has sent a message of the channel layer, in this process or another. */
function linksTo(event: object): Link[] {
  const sender = trace.getSpanContext(propagation.extract(ROOT_CONTEXT, 'trace' in event ? event.trace : {}))
  return sender === undefined ? [] : [{ context: sender }]
}
