import { Injectable } from '@nestjs/common'

/** Counts who came in: a service of Nest's that a consumer uses. */
@Injectable()
export class Visits {
  count = 0
}
