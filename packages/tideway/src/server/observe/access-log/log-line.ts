import type { AccessEntry, WebSocketAccess } from './access-entry.ts'

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const

/**
 * Formats an entry in NCSA common log format, in UTC. A WebSocket event stands in place of the method, as in Daphne's log:
 * `127.0.0.1 - - [22/Mar/2026:10:00:00 +0000] "WSCONNECT /ws/" - -`. A rejected handshake has its status, and its reason
 * after the fields of the format: `"WSREJECT /ws" 404 - "No route matches the path \\x22/ws\\x22."`.
 */
export function commonLogLine(entry: AccessEntry): string {
  const { time, client = '-', path } = entry
  const [request, outcome] =
    entry.type === 'http'
      ? [`${entry.method} ${escaped(path)} HTTP/${entry.httpVersion}`, `${entry.status} ${entry.bytes}`]
      : [`WS${entry.event.toUpperCase()} ${escaped(path)}`, outcomeOf(entry)]
  return `${client} - - [${commonTime(time)}] "${request}" ${outcome}`
}

function outcomeOf({ status, reason }: WebSocketAccess): string {
  if (status === undefined) return '- -'
  return reason === undefined ? `${status} -` : `${status} - "${escaped(reason)}"`
}

/** Formats an entry as one line of JSON: the fields of {@link AccessEntry}, times in ISO 8601. */
export function jsonLogLine(entry: AccessEntry): string {
  return JSON.stringify({ ...entry, durationMs: Math.round(entry.durationMs * 1000) / 1000 })
}

/** `22/Mar/2026:10:00:00 +0000` */
function commonTime(time: Date): string {
  const day = String(time.getUTCDate()).padStart(2, '0')
  return `${day}/${months[time.getUTCMonth()]!}/${time.getUTCFullYear()}:${time.toISOString().slice(11, 19)} +0000`
}

/** Escapes a text that the client chooses, so that it cannot end its field. */
function escaped(path: string): string {
  return path.replace(/["\\]|[^\x20-\x7e]/g, (character) => {
    return `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`
  })
}
