import 'reflect-metadata'
import type { INestApplication } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { ChatModule } from './chat-module.ts'
import { sessions } from './sessions.ts'

export async function site(): Promise<INestApplication> {
  const app = await NestFactory.create(ChatModule, { logger: ['warn', 'error'] })
  app.use(sessions)
  // Makes SIGTERM call beforeApplicationShutdown, which closes the WebSockets.
  app.enableShutdownHooks()
  return app
}
