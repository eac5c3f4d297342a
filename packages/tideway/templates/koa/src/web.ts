import Koa from 'koa'
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
const web = new Koa()

// @if page
web.use(async (context, next) => {
  const file = files.get(context.path)
  if (file === undefined) return next()
  context.type = file.type
  context.body = await readFile(file.url)
})

// @if accounts
web.use(async (context, next) => {
  if (context.path !== '/me') return next()
  const { user } = scopeOf<WithUser>(context.req)
  context.status = user.isAuthenticated ? 200 : 401
  context.body = { name: user.username }
})

// @end
web.use((context) => {
  if (context.path === '/health') context.body = 'ok'
})

export const http = nodeListener(web.callback())
