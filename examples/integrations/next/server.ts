import next from 'next'
import { createServer } from 'node:http'
import { attach } from 'tideway'
import { application } from './chat/application.ts'
import { layer } from './chat/layer.ts'

const port = Number(process.env['PORT'] ?? 3000)
const server = createServer()

// Next gets the server so that its hot reload can listen for upgrades in development.
const app = next({ dev: process.env.NODE_ENV !== 'production', httpServer: server, port })
await app.prepare()
const answer = app.getRequestHandler()
server.on('request', (request, response) => void answer(request, response))

// tideway handles the paths of consumers, and Next handles /_next/.
const attachment = attach(server, application, { handles: ({ url }) => url?.startsWith('/ws/') === true })

server.listen(port, () => console.log(`Listening on http://localhost:${port}`))

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, async () => {
    await attachment.close()
    await Promise.all([layer.close(), app.close()])
    process.exit()
  })
}
