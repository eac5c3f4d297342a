import { faultOf } from '../http/request-fault.ts'
import type { NodeListener } from '../http/node-listener.ts'
import type { ConnectionGate } from './connection-gate.ts'

/** The listener for requests that HTTP and the gate let pass; it refuses the others and hangs up. */
export function behindGate(gate: ConnectionGate, listener: NodeListener): NodeListener {
  return (request, response) => {
    const refusal = gate.refusalOf(request) ?? faultOf(request)
    if (refusal === undefined) {
      listener(request, response)
      return
    }
    const head = { 'Content-Type': 'text/plain; charset=utf-8', Connection: 'close' }
    response.writeHead(refusal.status, { ...Object.fromEntries(refusal.headers ?? []), ...head })
    response.end(`${refusal.message}\n`)
    request.resume()
  }
}
