import { liveServer } from 'tideway/testing'
import expressApplication from '../express/application.ts'
import { site as fastifySite } from '../fastify/server.ts'
import honoApplication from '../hono/application.ts'
import koaApplication from '../koa/application.ts'
import { site as nestSite } from '../nest/site.ts'

/** A running site. */
export interface Running {
  readonly url: string
  stop(): Promise<unknown>
}

/** How to start one of the examples. */
export interface Site {
  readonly name: string
  start(): Promise<Running>
}

const quiet = { debug() {}, info() {}, warn() {}, error: console.error }

/** An application that `tideway serve` serves. */
function served(name: string, application: Parameters<typeof liveServer>[0]): Site {
  return {
    name,
    async start() {
      const server = await liveServer(application, { logger: quiet })
      return { url: server.url, stop: () => server.close() }
    },
  }
}

export const sites: readonly Site[] = [
  served('Express', expressApplication),
  served('Hono', honoApplication),
  served('Koa', koaApplication),
  {
    name: 'Fastify',
    async start() {
      const app = await fastifySite()
      return { url: await app.listen({ port: 0, host: '127.0.0.1' }), stop: () => app.close() }
    },
  },
  {
    name: 'NestJS',
    async start() {
      const app = await nestSite()
      await app.listen(0, '127.0.0.1')
      return { url: await app.getUrl(), stop: () => app.close() }
    },
  },
]
