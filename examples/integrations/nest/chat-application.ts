import {
  allowedHostsOriginValidator,
  authMiddlewareStack,
  defineApplication,
  path,
  storeSessions,
  urlRouter,
  type ChannelLayer,
  type DefinedApplication,
} from 'tideway'
import { identity, users } from '../chat/people.ts'
import { RoomConsumer } from '../chat/room.ts'
import { secret, store } from './sessions.ts'
import type { Visits } from './visits.ts'

/** The room, with an injected Nest service. */
class CountedRoomConsumer extends RoomConsumer {
  readonly #visits: Visits

  constructor(visits: Visits) {
    super()
    this.#visits = visits
  }

  override async connect() {
    this.#visits.count += 1
    await super.connect()
  }
}

/** The tideway application, with the parts that Nest created. */
export function chatApplication(layer: ChannelLayer, visits: Visits): DefinedApplication {
  const routes = [path('ws/rooms/<slug:room>/', CountedRoomConsumer.asApplication(visits))]
  const sessions = storeSessions({ store, secret })
  return defineApplication({
    channelLayers: { default: layer },
    websocket: allowedHostsOriginValidator(authMiddlewareStack(urlRouter(routes), { sessions, users, identity })),
  })
}
