import { Hono } from 'hono'
// @if page
import { readFile } from 'node:fs/promises'
// @end
import { fetchHandler } from 'tideway'
// @if accounts
import type { WithUser } from 'tideway/auth'
import { scopeOf } from 'tideway/server'
// @if page
import { files } from './files.ts'
// @end

/** The HTTP side. Your routes go here. */
const web = new Hono()

// @if page
for (const [path, { url, type }] of files) {
  web.get(path, async (context) => context.body(await readFile(url, 'utf8'), 200, { 'Content-Type': type }))
}

// @if accounts
web.get('/me', (context) => {
  const { user } = scopeOf<WithUser>(context.req.raw)
  return context.json({ name: user.username }, user.isAuthenticated ? 200 : 401)
})

// @end
web.get('/health', (context) => context.text('ok'))

export const http = fetchHandler(web.fetch)
