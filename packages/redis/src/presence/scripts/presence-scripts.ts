import type { RedisScript } from '../../connection/redis-script.ts'
import { announce } from './announce.ts'
import { beat } from './beat.ts'
import { bury } from './bury.ts'
import { enter } from './enter.ts'
import { leave } from './leave.ts'
import { retire } from './retire.ts'
import { settle } from './settle.ts'
import { sweep } from './sweep.ts'
import { who } from './who.ts'

/** The scripts of presence, which each new connection loads. */
export const presenceScripts: readonly RedisScript[] = [announce, enter, leave, settle, beat, retire, sweep, bury, who]
