// @if page
import { readFile } from 'node:fs/promises'
// @end
import type { IncomingMessage, ServerResponse } from 'node:http'
import { nodeListener } from 'tideway'
// @if accounts
import type { WithUser } from 'tideway/auth'
import { scopeOf } from 'tideway/server'
// @if page
import { files } from './files.ts'
// @end

/** The HTTP side. Your routes go here. */
async function web(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const [path = '/'] = request.url!.split('?')
  // @if page
  const file = files.get(path)
  if (file !== undefined) return void response.setHeader('Content-Type', file.type).end(await readFile(file.url))
  // @if accounts
  if (path === '/me') {
    const { user } = scopeOf<WithUser>(request)
    response.statusCode = user.isAuthenticated ? 200 : 401
    return void response.setHeader('Content-Type', 'application/json').end(JSON.stringify({ name: user.username }))
  }
  // @end
  if (path === '/health') return void response.end('ok')
  response.writeHead(404).end()
}

export const http = nodeListener(web)
