import express from 'express'
import fastify from 'fastify'
import { Hono } from 'hono'
import Koa from 'koa'
import { describe, expect, it } from 'vitest'
import type { Application } from '../../../src/asgi/application.ts'
import type { HttpScope } from '../../../src/asgi/scope.ts'
import { fetchHandler } from '../../../src/server/http/fetch-handler.ts'
import { nodeListener } from '../../../src/server/http/node-listener.ts'
import { scopeOf } from '../../../src/server/http/scope-of.ts'
import { serving } from '../serving.ts'

interface WithName {
  readonly name: string | null
}

/** Adds the value of a header to the scope, as an auth stack adds a user. */
function nameMiddleware(inner: Application<HttpScope & WithName>): Application<HttpScope> {
  return (scope, receive, send) => inner({ ...scope, name: scope.headers.get('x-name') ?? null }, receive, send)
}

const frameworks: readonly [name: string, application: () => Promise<Application<HttpScope>>][] = [
  [
    'Express',
    async () =>
      nodeListener(express().get('/me', (request, response) => void response.json(scopeOf<WithName>(request).name))),
  ],
  [
    'Koa',
    async () => {
      const app = new Koa()
      app.use(({ req, response }) => {
        response.body = JSON.stringify(scopeOf<WithName>(req).name)
      })
      return nodeListener(app.callback())
    },
  ],
  [
    'Fastify',
    async () => {
      const app = fastify()
      app.get('/me', ({ raw }, reply) => reply.send(JSON.stringify(scopeOf<WithName>(raw).name)))
      await app.ready()
      return nodeListener(app.routing)
    },
  ],
  [
    'Hono',
    async () => {
      const app = new Hono()
      app.get('/me', (context) => context.json(scopeOf<WithName>(context.req.raw).name))
      return fetchHandler(app.fetch)
    },
  ],
]

describe.each(frameworks)('scopeOf() in a route of %s', (_name, make) => {
  it('returns what middleware added for this request', async () => {
    const { url } = await serving({ http: nameMiddleware(await make()) })
    const names = ['Ada', 'Grace', 'Kim']
    const answers = names.map(async (name) => (await fetch(`${url}/me`, { headers: { 'X-Name': name } })).json())
    expect(await Promise.all(answers)).toEqual(names)
  })
})

describe('scopeOf()', () => {
  it('throws for a request of a listener that the server calls directly, and names the cure', async () => {
    const { url } = await serving({
      http: nodeListener((request, response) => {
        try {
          scopeOf(request)
        } catch (error) {
          response.end((error as Error).message)
        }
      }),
    })
    expect(await (await fetch(url)).text()).toContain('put middleware, such as authMiddlewareStack, around')
  })

  it('throws for a request of another program', () => {
    expect(() => scopeOf(new Request('http://localhost'))).toThrow(
      expect.objectContaining({ code: 'ERR_NO_SCOPE' }) as Error,
    )
  })
})
