import { rePath } from 'tideway'

import { RoomConsumer } from './consumers.ts'
import type { People } from './people.ts'

/** The protocol of the page, beside the plain one of `chat/routing.ts`. */
export const roomRoutes = (people: People) => [
  rePath(/^ws\/room\/(?<roomName>[\p{L}\p{M}\p{N}_-]{1,40})\/$/u, RoomConsumer.asApplication(people)),
]
