import { databaseSyncToAsync, moduleUrl } from 'tideway/worker'

import { channelLayer } from '../layer.ts'
import { room } from './groups.ts'
import type * as visits from './visits.ts'

const module = moduleUrl<typeof visits>('./visits.js', import.meta.url)
const lastVisited = databaseSyncToAsync(module, 'lastVisited')
/** Notes that a person has entered the room, so that {@link openRooms} finds it. */
export const noteVisit = databaseSyncToAsync(module, 'noteVisit')

/** A room, how many people are in it, and the number of its newest message. */
export interface OpenRoom {
  readonly name: string
  readonly people: number
  readonly newest: number
}

const LISTED = 100
/** How long one answer serves all requests. */
const FRESH_MS = 500

let counted: { readonly at: number; readonly rooms: Promise<OpenRoom[]> } | undefined

/** Returns the last visited rooms, the fullest first. */
export function openRooms(): Promise<OpenRoom[]> {
  const now = performance.now()
  if (counted === undefined || now - counted.at > FRESH_MS) counted = { at: now, rooms: count() }
  return counted.rooms
}

async function count(): Promise<OpenRoom[]> {
  const visited = await lastVisited(LISTED)
  const rooms = await Promise.all(
    visited.map(async ({ name, newest }) => ({ name, people: await room(name).count(channelLayer), newest })),
  )
  return rooms.toSorted((a, b) => b.people - a.people || (a.name < b.name ? -1 : 1))
}
