import { servers, type ServerKey } from './servers.ts'
import type { Cell, Load } from './suite.ts'

type Arguments = Load['arguments']

/** Options of a cell in addition to those of its kind. Arguments of the load are added to those of the kind. */
type More = Omit<Partial<Cell>, 'server' | 'load'> & { readonly load?: Arguments }

function cell(server: ServerKey, mode: Load['mode'], settings: Arguments, { load, ...more }: More): Cell {
  return { name: servers[server].name, server, load: { mode, arguments: { ...settings, ...load } }, ...more }
}

/** A member speaks, all hear it; each of the windows is how many messages are under way. */
export function fanOut(server: ServerKey, members: number, windows: string, more: More = {}): Cell {
  return cell(server, 'fanout', { path: servers[server].chat, conns: members, windows }, more)
}

/** The name of {@link fanOutOnce}. */
export const ONCE: string = 'tideway, static handler'

/** The same, where the answer is made once for all members. */
export function fanOutOnce(members: number, windows: string): Cell {
  return fanOut('tideway', members, windows, { name: ONCE, load: { path: '/ws/shared/#/' } })
}

/** The name of {@link fanOutKept}. */
export const KEPT: string = 'tideway, static handler, kept group'

/** The same, over a kept group. */
export function fanOutKept(members: number, windows: string): Cell {
  return fanOut('tideway', members, windows, { name: KEPT, load: { path: '/ws/kept/#/' } })
}

/** The name of the cells of the live protocol. */
export const LIVE: string = 'tideway, live consumer'

/** The same load by the live protocol: an echo is a request with a schema, and a connection joins a kept group. */
function live(cell: Cell, more: Arguments): Cell {
  const settings = { ...cell.load.arguments, path: '/ws/live/', dialect: 'live', ...more }
  return { ...cell, name: LIVE, load: { ...cell.load, arguments: settings } }
}

/** The echo of requests. Its code is still compiled after the usual warm-up of half a second. */
export function echoLive(): Cell {
  return live(echo('tideway'), { warmms: 2500 })
}

/** Handshakes with a join. */
export function shakeHandsLive(): Cell {
  return live(shakeHands('tideway'), { join: 'room.bench' })
}

/** Connections in a kept group. */
export function connectLive(): Cell {
  return live(connect('tideway'), { join: 'room.bench' })
}

const TEN = 10

/** Connections in ten kept groups. */
export function connectLiveInTen(): Cell {
  const join = Array.from({ length: TEN }, (_, n) => `room.bench${n}`).join(',')
  return { ...live(connect('tideway'), { join }), name: `${LIVE}, ${TEN} groups` }
}

/** 100 connections that keep 8 messages each under way. */
export function echo(server: ServerKey, more: More = {}): Cell {
  return cell(server, 'echo', { path: servers[server].echo, conns: 100, depth: 8 }, more)
}

/** 10,000 connections that are opened 128 at a time, behind as many that have come and gone. */
export function shakeHands(server: ServerKey): Cell {
  const settings = { path: servers[server].chat, conns: 10_000, parallel: 128, gone: 10_000, settlems: 1000 }
  return cell(server, 'connect', settings, {})
}

/** 10,000 connections that are opened 128 at a time, and kept. */
export function connect(server: ServerKey, more: More = {}): Cell {
  return cell(server, 'connect', { path: servers[server].chat, conns: 10_000, parallel: 128, warm: 2000 }, more)
}

/** 10,000 connections that are opened at once, while 50 others talk. */
export function storm(server: ServerKey): Cell {
  const { chat, echo: calmpath } = servers[server]
  return cell(server, 'storm', { path: chat, calmpath, conns: 10_000, calm: 50, hz: 1000 }, {})
}

/** 10,000 connections in 5,000 groups of 2, with 64 messages under way in all. */
export function groups(server: ServerKey): Cell {
  return cell(server, 'groups', { path: servers[server].chat, conns: 10_000, groups: 5000, window: 64 }, {})
}

/** Connections, which all send and receive in groups of ten: 2,000 sends per second together, whatever their number. */
export function scaleOf(server: ServerKey, connections: number, name: string): Cell {
  const settings = { conns: connections, groups: Math.max(1, connections / 10), hz: 2000, warmms: 1500, settlems: 2000 }
  return cell(server, 'groups', { path: servers[server].chat, ...settings }, { name, connections })
}

/** 100 connections that send and receive in groups of ten, beside 10,000 that stay open in so many groups. */
export function scaleOfGroups(groups: number, name: string): Cell {
  const others = { others: 10_000, othergroups: groups, otherpath: '/ws/chat/other#/' }
  const settings = {
    path: servers.tideway.chat,
    conns: 100,
    groups: 10,
    hz: 2000,
    warmms: 1500,
    settlems: 2000,
    ...others,
  }
  return cell('tideway', 'groups', settings, { name })
}

/** 50 connections that ask again when they have their answer. */
export function http(server: ServerKey, more: More = {}): Cell {
  return cell(server, 'http', { path: '/', conns: 50, depth: 1 }, more)
}
