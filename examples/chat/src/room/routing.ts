import { rePath } from 'tideway'

import { RoomConsumer } from './consumers.ts'
import type { People } from './people.ts'

/** The routes of the page's protocol. `chat/routing.ts` has the plain one. */
export const roomRoutes = (people: People) => [
  rePath(/^ws\/room\/(?<roomName>[\p{L}\p{M}\p{N}_-]{1,40})\/$/u, RoomConsumer.asApplication(people)),
]
