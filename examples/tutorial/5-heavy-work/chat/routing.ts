import { fetchHandler, path, rePath } from 'tideway'
import { ChatConsumer } from './consumers.ts'
import { pages } from './pages.ts'
import { LoginConsumer, LogoutConsumer, MeConsumer } from './people.ts'

export const websocketRoutes = [path('ws/chat/:roomName/', ChatConsumer.asApplication())]

export const httpRoutes = [
  path('me', MeConsumer.asApplication()),
  path('login', LoginConsumer.asApplication()),
  path('logout', LogoutConsumer.asApplication()),
  rePath(/^/, fetchHandler(pages)),
]
