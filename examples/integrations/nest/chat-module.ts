import { Controller, Get, Header, HttpCode, Inject, Module, Param, Post, Query, Req } from '@nestjs/common'
import { BadRequestException, UnauthorizedException } from '@nestjs/common'
import type { Request } from 'express'
import { allowedHostsOriginValidator, authMiddlewareStack, storeSessions } from 'tideway'
import { InMemoryChannelLayer, path, urlRouter, type ChannelLayer } from 'tideway'
import { page } from '../chat/page.ts'
import { identity, isName, users } from '../chat/people.ts'
import { say } from '../chat/room.ts'
import { CountedRoomConsumer } from './consumers.ts'
import { logIn, secret, store } from './sessions.ts'
import { CHANNEL_LAYER, TidewayModule } from '../whole/nest/tideway-module.ts'
import { Visits } from './visits.ts'

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

const sessions = storeSessions({ store, secret })

@Module({
  imports: [
    TidewayModule.forRoot({
      channelLayer: () => new InMemoryChannelLayer(),
      websocket: (injected) => {
        const routes = urlRouter([path('ws/rooms/<slug:room>/', injected(CountedRoomConsumer))])
        return allowedHostsOriginValidator(authMiddlewareStack(routes, { sessions, users, identity }))
      },
    }),
  ],
  controllers: [ChatController],
  providers: [Visits],
})
export class ChatModule {}
