import { trace, type Context, type TextMapGetter, type TextMapPropagator, type TextMapSetter } from '@opentelemetry/api'

const HEADER = 'traceparent'

/** The `traceparent` of W3C Trace Context, version 00: what `W3CTraceContextPropagator` of @opentelemetry/core is for. */
export class TraceParent implements TextMapPropagator {
  inject(context: Context, carrier: unknown, setter: TextMapSetter): void {
    const span = trace.getSpanContext(context)
    if (span !== undefined) setter.set(carrier, HEADER, `00-${span.traceId}-${span.spanId}-01`)
  }

  extract(context: Context, carrier: unknown, getter: TextMapGetter): Context {
    const [, traceId, spanId] = /^00-([0-9a-f]{32})-([0-9a-f]{16})-/.exec(String(getter.get(carrier, HEADER))) ?? []
    if (traceId === undefined || spanId === undefined) return context
    return trace.setSpanContext(context, { traceId, spanId, traceFlags: 1, isRemote: true })
  }

  fields(): string[] {
    return [HEADER]
  }
}
