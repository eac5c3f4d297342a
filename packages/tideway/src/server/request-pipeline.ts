import { toOriginForm } from './handshake/absolute-form.ts'
import type { AllowedHosts } from './handshake/allowed-hosts.ts'
import type { NodeListener } from './http/node-listener.ts'
import { boundedConnections } from './http/pipeline.ts'
import { rejectConnect } from './http/plain-responses.ts'
import { withReadiness } from './http/readiness.ts'
import type { ConnectionGate } from './limits/connection-gate.ts'
import { behindGate } from './limits/request-refusal.ts'
import type { AccessRecorder } from './observe/access-log/access-recorder.ts'
import type { Instrumented } from './observe/instrumented.ts'
import type { ServerObserver } from './observe/server-observer.ts'
import type { ResolvedOptions } from './options.ts'

/** The parts of a server that see each request before the application does. */
export interface RequestPipelineParts {
  readonly options: ResolvedOptions
  readonly hosts: AllowedHosts | undefined
  readonly gate: ConnectionGate
  readonly observer: ServerObserver
  readonly access: AccessRecorder | undefined
  readonly instrumented: Instrumented | undefined
  readonly isDraining: () => boolean
}

/** The listeners of a server for its three kinds of requests. */
export interface RequestListeners {
  /** For the requests of HTTP/1.1. */
  readonly onRequest: NodeListener
  /** For the requests of HTTP/2, whose streams have one request each. */
  readonly onStreamRequest: NodeListener
  /** For a CONNECT of HTTP/1.1. */
  readonly onConnect: NodeListener
}

/** Wraps a listener. A step without work returns the listener itself, so that it costs a request nothing. */
type Step = (inner: NodeListener) => NodeListener

/** Makes the listeners of a server around the listener of its application. */
export function requestPipeline(application: NodeListener, parts: RequestPipelineParts): RequestListeners {
  const { options, hosts, gate: connections, observer, access, instrumented, isDraining } = parts
  const { readinessPath } = options

  const originForm: Step = (inner) => (request, response) => {
    toOriginForm(request)
    inner(request, response)
  }
  const boundRequests: Step = (inner) => boundedConnections(inner, options)
  const logAccess: Step = (inner) => access?.listener(inner) ?? inner
  const countRequests: Step = (inner) => observer.listener(inner)
  const instrument: Step = (inner) => instrumented?.listener(inner) ?? inner
  const readiness: Step = (inner) => (readinessPath === false ? inner : withReadiness(readinessPath, isDraining, inner))
  const gate: Step = (inner) => behindGate(connections, hosts, options, inner)

  const onStreamRequest = wrap([logAccess, countRequests, instrument, readiness, gate], application)
  return {
    onRequest: wrap([originForm, boundRequests], onStreamRequest),
    onStreamRequest,
    onConnect: wrap([logAccess, countRequests], rejectConnect),
  }
}

/** Wraps the listener in the steps, the first one outermost. */
function wrap(steps: readonly Step[], listener: NodeListener): NodeListener {
  return steps.reduceRight((inner, step) => step(inner), listener)
}
