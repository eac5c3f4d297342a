import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { read } from '../architecture/source-files.ts'
import { startProgram } from '../setup/child-process.ts'
import { programPath } from '../setup/describe-with.ts'
import { freePort } from '../setup/free-port.ts'
import { filledIn, type RunningProxy } from './proxy-suite.ts'
import type { Certificate, Site } from './site.ts'

const IDLE_SECONDS = 3

/** HAProxy, with the file of deploy/haproxy. */
export async function startHaproxy(site: Site, { certificate, key }: Certificate): Promise<RunningProxy> {
  const [port, plainPort] = [await freePort(), await freePort()]
  const [first, second] = site.processes
  const [file, both] = [join(site.folder, 'haproxy.cfg'), join(site.folder, 'chat.pem')]
  // It wants certificate and key in one.
  await writeFile(both, Buffer.concat([await readFile(certificate), await readFile(key)]))
  const values = {
    '    user haproxy\n': '',
    '    group haproxy\n': '',
    // More descriptors than a test may have.
    'maxconn 20000': 'maxconn 2000',
    'bind :443': `bind 127.0.0.1:${port}`,
    'bind :80': `bind 127.0.0.1:${plainPort}`,
    '/etc/ssl/chat/chat.pem': both,
    'timeout tunnel 60s': `timeout tunnel ${IDLE_SECONDS}s`,
    '127.0.0.1:3000': `127.0.0.1:${site.webPort}`,
    '127.0.0.1:8001': `unix@${first.address}`,
    '127.0.0.1:8002': second.address,
  }
  await writeFile(file, filledIn(read('deploy/haproxy/haproxy.cfg'), values))
  const program = await startProgram(programPath('haproxy'), ['-db', '-f', file], { ready: port })
  return { program, port, plainPort, idleMs: IDLE_SECONDS * 1000, hidesRestarts: true }
}
