import { rePath } from 'tideway'
import { ChatConsumer } from './consumers.ts'

export const websocketRoutes = [rePath(String.raw`ws/chat/(?<roomName>\w+)/$`, ChatConsumer.asApplication())]
