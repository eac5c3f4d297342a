import { Inject } from '@nestjs/common'
import { RoomConsumer } from '../chat/room.ts'
import { Visits } from './visits.ts'

/** The room, with an injected Nest service. */
export class CountedRoomConsumer extends RoomConsumer {
  readonly #visits: Visits

  constructor(@Inject(Visits) visits: Visits) {
    super()
    this.#visits = visits
  }

  override async connect() {
    this.#visits.count += 1
    await super.connect()
  }
}
