// The rooms that this browser has visited, and what it has seen of them.

const KEY = 'tideway-chat-rooms'
const KEPT = 8

/** A room, with the number of the newest message that the visitor has seen. @typedef {{ name: string, seen: number }} RecentRoom */

/** Returns the rooms, the last visited first. @returns {RecentRoom[]} */
export function recentRooms() {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? '[]')
  } catch {
    return []
  }
}

/** Puts the room first, and returns what was seen of it; `undefined` on the first visit. @param {string} name */
export function visit(name) {
  const rooms = recentRooms()
  const seen = rooms.find((room) => room.name === name)?.seen
  keep([{ name, seen: seen ?? 0 }, ...rooms.filter((room) => room.name !== name)])
  return seen
}

/** @param {string} name @param {number} seen */
export function noteSeen(name, seen) {
  keep(recentRooms().map((room) => (room.name === name ? { name, seen } : room)))
}

/** @param {RecentRoom[]} rooms */
function keep(rooms) {
  localStorage.setItem(KEY, JSON.stringify(rooms.slice(0, KEPT)))
}
