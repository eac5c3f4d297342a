import { layer } from '../../chat/layer.ts'

/** Broadcasts a message from HTTP to the room. */
export async function POST(request: Request): Promise<Response> {
  const room = new URL(request.url).searchParams.get('room')
  if (room === null || !/^\w{1,50}$/.test(room)) return new Response('Which room?\n', { status: 400 })
  await layer.groupSend(`room_${room}`, { type: 'room.said', text: await request.text() })
  return new Response(null, { status: 202 })
}
