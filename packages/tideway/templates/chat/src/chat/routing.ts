import { path } from 'tideway'
import { RoomConsumer } from './consumers.ts'

export const websocketRoutes = [path('ws/rooms/<slug:room>/', RoomConsumer.asApplication())]
