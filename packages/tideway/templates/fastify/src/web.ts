import fastify from 'fastify'
// @if page
import { readFile } from 'node:fs/promises'
// @end
import { nodeListener } from 'tideway'
// @if accounts
import type { WithUser } from 'tideway/auth'
import { scopeOf } from 'tideway/server'
// @if page
import { files } from './files.ts'
// @end

/** The HTTP side. Your routes go here. */
export const web = fastify()

// @if page
for (const [path, { url, type }] of files) {
  web.get(path, async (_request, reply) => reply.type(type).send(await readFile(url)))
}

// @if accounts
web.get('/me', async (request, reply) => {
  const { user } = scopeOf<WithUser>(request.raw)
  return reply.code(user.isAuthenticated ? 200 : 401).send({ name: user.username })
})

// @end
web.get('/health', async () => 'ok')

await web.ready()
export const http = nodeListener(web.routing)
