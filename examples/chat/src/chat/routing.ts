import { rePath } from 'tideway'

import { ChatConsumer } from './consumers.ts'

export const websocketRoutes = [rePath(/^ws\/chat\/(?<roomName>\w+)\/$/, ChatConsumer.asApplication())]
