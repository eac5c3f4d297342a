import express from 'express'
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
const web = express()

web.disable('x-powered-by')

// @if page
for (const [path, { url, type }] of files) {
  web.get(path, async (_request, response) => {
    response.type(type).send(await readFile(url))
  })
}

// @if accounts
web.get('/me', (request, response) => {
  const { user } = scopeOf<WithUser>(request)
  response.status(user.isAuthenticated ? 200 : 401).json({ name: user.username })
})

// @end
web.get('/health', (_request, response) => {
  response.send('ok')
})

export const http = nodeListener(web)
