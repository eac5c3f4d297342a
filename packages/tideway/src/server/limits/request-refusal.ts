import type { AllowedHosts } from '../handshake/allowed-hosts.ts'
import { faultOf } from '../handshake/request-fault.ts'
import { refuseMoreOf, type ConnectionBounds } from '../http/pipeline.ts'
import type { NodeListener } from '../http/node-listener.ts'
import type { ConnectionGate } from './connection-gate.ts'

/**
 * Calls the listener for requests that HTTP and the gate allow. It answers other requests with an error, closes their connections,
 * and ignores the requests after them.
 */
export function behindGate(
  gate: ConnectionGate,
  hosts: AllowedHosts | undefined,
  bounds: ConnectionBounds,
  listener: NodeListener,
): NodeListener {
  return (request, response) => {
    const refusal = gate.refusalOf(request) ?? faultOf(request, hosts)
    if (refusal === undefined) {
      listener(request, response)
      return
    }
    // Each HTTP/2 request has its own stream.
    if (request.httpVersionMajor === 1) refuseMoreOf(request.socket, bounds)
    const head = { 'Content-Type': 'text/plain; charset=utf-8', Connection: 'close' }
    response.writeHead(refusal.status, { ...Object.fromEntries(refusal.headers), ...head })
    response.end(`${refusal.message}\n`)
    request.resume()
  }
}
