import { Controller, Get, Header, HttpCode, Inject, Module, Param, Post, Query, Req } from '@nestjs/common'
import { BadRequestException, Injectable, UnauthorizedException } from '@nestjs/common'
import type { BeforeApplicationShutdown, OnApplicationBootstrap } from '@nestjs/common'
import { HttpAdapterHost } from '@nestjs/core'
import type { Request } from 'express'
import type { Server } from 'node:http'
import { attach, InMemoryChannelLayer, type Attachment, type ChannelLayer } from 'tideway'
import { page } from '../chat/page.ts'
import { isName } from '../chat/people.ts'
import { say } from '../chat/room.ts'
import { chatApplication } from './chat-application.ts'
import { logIn } from './sessions.ts'
import { Visits } from './visits.ts'

/** The injection token of the channel layer. */
export const CHANNEL_LAYER = Symbol('channel layer')

@Controller()
export class ChatController {
  @Inject(CHANNEL_LAYER) private readonly layer!: ChannelLayer
  @Inject(Visits) private readonly visits!: Visits

  @Get()
  @Header('Content-Type', 'text/html; charset=utf-8')
  page(): string {
    return page
  }

  @Post('login')
  @HttpCode(200)
  async login(@Query('name') name: unknown, @Req() request: Request): Promise<object> {
    if (!isName(name)) throw new BadRequestException('small letters only')
    await logIn(request, name)
    return {}
  }

  @Post('rooms/:room/messages')
  @HttpCode(202)
  async post(@Param('room') room: string, @Query('text') text: string, @Req() { session }: Request): Promise<void> {
    if (session.person === undefined) throw new UnauthorizedException()
    await say(this.layer, room, session.person, text)
  }

  @Get('visits')
  count(): number {
    return this.visits.count
  }
}

/** Attaches tideway to Nest's server, and closes the WebSockets before Nest waits for connections. */
@Injectable()
export class WebSockets implements OnApplicationBootstrap, BeforeApplicationShutdown {
  @Inject(HttpAdapterHost) private readonly host!: HttpAdapterHost
  @Inject(CHANNEL_LAYER) private readonly layer!: ChannelLayer
  @Inject(Visits) private readonly visits!: Visits
  #attachment: Attachment | undefined

  onApplicationBootstrap(): void {
    const server = this.host.httpAdapter.getHttpServer() as Server
    this.#attachment = attach(server, chatApplication(this.layer, this.visits))
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.#attachment?.close()
    await this.layer.close()
  }
}

@Module({
  controllers: [ChatController],
  providers: [WebSockets, Visits, { provide: CHANNEL_LAYER, useFactory: () => new InMemoryChannelLayer() }],
})
export class ChatModule {}
