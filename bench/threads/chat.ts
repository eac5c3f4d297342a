// What a report costs those who talk: how long a message of the chat is under way from its sender through the room and
// back, in a room that is quiet and in one that draws its report all the time.

import { setTimeout as delay } from 'node:timers/promises'

import { databaseFolder, startChat } from '../../test/chat/chat-server.ts'
import { Page } from '../../test/chat/page.ts'
import { openVisitor, type Visitor } from '../../test/chat/visitor.ts'

const MESSAGES = 200
const EVERY_MS = 20

/** Sends messages by the plain protocol, one after the other; the times from sending one to reading it, in milliseconds. */
async function roundTrips(speaker: Visitor): Promise<number[]> {
  const times: number[] = []
  for (let i = 0; i < MESSAGES; i++) {
    const message = `message ${i}`
    const start = performance.now()
    speaker.tell({ message })
    await speaker.next((answer) => answer['message'] === message)
    times.push(performance.now() - start)
    await delay(EVERY_MS)
  }
  return times.sort((a, b) => a - b)
}

/** Asks for a report whenever there is none under way, until told to stop. */
async function keepReporting(page: Page, isOver: () => boolean): Promise<number> {
  let reports = 0
  while (!isOver()) {
    await page.say('/report', `a-key-of-report-number-${reports++}`)
    await page.next('reported')
  }
  return reports
}

function print(what: string, times: readonly number[]): void {
  const at = (share: number): string => times[Math.min(times.length - 1, Math.floor(times.length * share))]!.toFixed(2)
  console.log(`${what}: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, max ${at(1)} ms`)
}

const folder = await databaseFolder()
const server = await startChat({ database: folder.file('chat.db') })
try {
  const asker = await Page.enter(server.origin, 'lobby', 'asker')
  const speaker = await openVisitor(server.origin, '/ws/chat/lobby/')
  for (let i = 0; i < 200; i++) await asker.say(`words for a report to count, number ${i}`)
  await roundTrips(speaker)
  print('A message to the room and back, quiet', await roundTrips(speaker))
  let isOver = false
  const reporting = keepReporting(asker, () => isOver)
  print('The same while reports are drawn', await roundTrips(speaker))
  isOver = true
  console.log(`${await reporting} reports requested during the run`)
} finally {
  await server.stop()
  await folder.remove()
}
