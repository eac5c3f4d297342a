import type { Application, WebSocketScope } from 'tideway/asgi'

// docs/spec/asgi.md shows this application; a test holds the two equal.
export const echo: Application<WebSocketScope> = async (_scope, receive, send) => {
  for (;;) {
    const event = await receive()
    if (event.type === 'websocket.disconnect') return
    if (event.type === 'websocket.connect') await send({ type: 'websocket.accept' })
    else if (event.text !== undefined) await send({ type: 'websocket.send', text: event.text })
    else await send({ type: 'websocket.send', bytes: event.bytes })
  }
}
