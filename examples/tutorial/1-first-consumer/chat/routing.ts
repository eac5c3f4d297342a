import { path } from 'tideway'
import { ChatConsumer } from './consumers.ts'

export const websocketRoutes = [path('ws/chat/:roomName/', ChatConsumer.asApplication())]
