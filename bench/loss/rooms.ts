/** The room of all clients. */
export const EVERYONE = 'all'

/** The rooms of a client. */
export function roomsOf(client: number, roomSize: number): string[] {
  return [EVERYONE, `small${Math.floor(client / roomSize)}`]
}

/** All rooms of so many clients. */
export function allRooms(clients: number, roomSize: number): string[] {
  return [EVERYONE, ...Array.from({ length: Math.ceil(clients / roomSize) }, (_, n) => `small${n}`)]
}

/** A message of the bench: the same for all servers. */
export interface Message {
  readonly room: string
  /** 1, 2, 3 and so on in each room. */
  readonly n: number
  readonly sentMs: number
  readonly text: string
}
