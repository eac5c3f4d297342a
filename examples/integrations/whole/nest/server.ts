import 'reflect-metadata'
import { Controller, Get, HttpCode, Inject, Module, Param, Post, Query } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { allowedHostsOriginValidator, authMiddlewareStack, InMemoryChannelLayer } from 'tideway'
import { JsonWebSocketConsumer, path, urlRouter, type ChannelLayer, type Handlers } from 'tideway'
import { CHANNEL_LAYER, TidewayModule } from './tideway-module.ts'

type RoomEvents = { 'room.said': { text: string } }

class RoomConsumer extends JsonWebSocketConsumer<{ room: string }> implements Handlers<RoomEvents> {
  #group = ''

  override async connect() {
    this.#group = `room_${this.scope.urlRoute.kwargs.room}`
    await this.channelLayer.groupAdd(this.#group, this.channelName)
    await this.accept()
  }

  override async receiveJson(content: unknown) {
    await this.channelLayer.groupSend(this.#group, { type: 'room.said', text: String(content) })
  }

  onRoomSaid({ text }: RoomEvents['room.said']) {
    return this.sendJson(text)
  }
}

@Controller()
class RoomController {
  @Inject(CHANNEL_LAYER) private readonly layer!: ChannelLayer

  @Get()
  page(): string {
    return "In the console: new WebSocket('/ws/rooms/lobby/').onmessage = ({ data }) => console.log(data)"
  }

  // curl -X POST 'localhost:8000/rooms/lobby?text=hello'
  @Post('rooms/:room')
  @HttpCode(202)
  async say(@Param('room') room: string, @Query('text') text: string): Promise<void> {
    await this.layer.groupSend(`room_${room}`, { type: 'room.said', text })
  }
}

@Module({
  imports: [
    TidewayModule.forRoot({
      channelLayer: () => new InMemoryChannelLayer(),
      websocket: (injected) =>
        allowedHostsOriginValidator(
          authMiddlewareStack(urlRouter([path('ws/rooms/<slug:room>/', injected(RoomConsumer))])),
        ),
    }),
  ],
  controllers: [RoomController],
})
class ChatModule {}

const app = await NestFactory.create(ChatModule, { logger: ['warn', 'error'] })
// Makes SIGTERM close the WebSockets before Nest waits for them.
app.enableShutdownHooks()
await app.listen(Number(process.env['PORT'] ?? 8000))
console.log(`Listening on ${await app.getUrl()}`)
