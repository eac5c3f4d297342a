import { Injectable } from '@nestjs/common'

/** Counts visits: a Nest service that a consumer uses. */
@Injectable()
export class Visits {
  count = 0
}
