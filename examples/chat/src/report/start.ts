import { TidewayError } from 'tideway'

import { tasks } from './tasks.ts'

/** The message that requests a report of the room. It is sent like any other. */
export const REPORT_COMMAND = '/report'

/** Starts a report of the room. One at a time: a request during a running report joins it. */
export async function startReport(room: string): Promise<'waiting' | 'failed'> {
  try {
    await tasks.report.enqueue({ room }, { jobId: `report-${room}` })
    return 'waiting'
  } catch (error) {
    // Redis is down: the report fails, and the room continues.
    if (!(error instanceof TidewayError)) throw error
    return 'failed'
  }
}
