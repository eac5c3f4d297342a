import { rePath } from 'tideway'

import { PlainConsumer } from '../room/plain-consumer.ts'

export const websocketRoutes = [rePath(/^ws\/chat\/(?<roomName>\w+)\/$/, PlainConsumer.asApplication())]
