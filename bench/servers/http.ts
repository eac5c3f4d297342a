import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { defineApplication, nodeListener, serve } from 'tideway'

// One listener, behind tideway or in a bare server of Node's: `http.js PORT tideway|node`.

const [, , port = '8000', which = 'tideway'] = process.argv

/** A small answer of JSON, as of an API. */
function answer(_request: IncomingMessage, response: ServerResponse): void {
  const body = JSON.stringify({ message: 'Hello', at: 1 })
  response.setHeader('Content-Type', 'application/json')
  response.setHeader('Content-Length', Buffer.byteLength(body))
  response.end(body)
}

if (which === 'node') createServer(answer).listen(Number(port), '127.0.0.1')
else {
  const application = defineApplication({ http: nodeListener(answer) })
  // The load keeps its connections, and the server of Node has no such limit.
  await serve(application, { port: Number(port), maxRequestsPerConnection: false })
}
