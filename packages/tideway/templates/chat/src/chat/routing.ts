import { path } from 'tideway'
import { RoomConsumer } from './consumers.ts'

export const websocketRoutes = [path('ws/rooms/:room/', RoomConsumer.asApplication())]
