import 'reflect-metadata'
// @if accounts
import { Controller, Get, Module, Req, UnauthorizedException } from '@nestjs/common'
// @unless accounts
import { Controller, Get, Module } from '@nestjs/common'
// @end
import { NestFactory } from '@nestjs/core'
import type { NestExpressApplication } from '@nestjs/platform-express'
// @if page
import { readFile } from 'node:fs/promises'
// @if page
import type { IncomingMessage, ServerResponse } from 'node:http'
// @if no-page+accounts
import type { IncomingMessage } from 'node:http'
// @end
import { nodeListener, type NodeListener } from 'tideway/server'
// @if accounts
import type { WithUser } from 'tideway/auth'
import { scopeOf } from 'tideway/server'
// @if page
import { files } from './files.ts'
// @end

/** Your routes go here. */
@Controller()
class SiteController {
  @Get('health')
  health(): string {
    return 'ok'
  }
  // @if accounts

  @Get('me')
  me(@Req() request: IncomingMessage): { readonly name: string } {
    const { user } = scopeOf<WithUser>(request)
    if (!user.isAuthenticated) throw new UnauthorizedException()
    return { name: user.username }
  }
  // @end
}

@Module({ controllers: [SiteController] })
class SiteModule {}

/** The HTTP side. tideway listens, and passes the requests to Nest. */
export const web = await NestFactory.create<NestExpressApplication>(SiteModule, { logger: ['warn', 'error'] })

// @if page
web.use(async (request: IncomingMessage, response: ServerResponse, next: () => void) => {
  const [path = '/'] = request.url!.split('?')
  const file = files.get(path)
  if (file === undefined) return next()
  response.setHeader('Content-Type', file.type).end(await readFile(file.url))
})

// @end
await web.init()
export const http = nodeListener(web.getHttpAdapter().getInstance() as NodeListener)
