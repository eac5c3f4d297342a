import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { read } from '../architecture/source-files.ts'
import { startProgram } from '../setup/child-process.ts'
import { programPath } from '../setup/describe-with.ts'
import { freePort } from '../setup/free-port.ts'
import { filledIn, type RunningProxy } from './proxy-suite.ts'
import type { Certificate, Site } from './site.ts'

const IDLE_SECONDS = 3

/** The part of a site that nginx needs. */
interface NginxSite extends Pick<Site, 'folder' | 'webPort'> {
  /** The first listens on a Unix socket, the second on a port. */
  readonly processes: readonly [{ readonly address: string }, { readonly address: string }]
}

/** nginx, with the files of deploy/nginx. */
export async function startNginx(site: NginxSite, { certificate, key }: Certificate): Promise<RunningProxy> {
  const folder = join(site.folder, 'nginx')
  await mkdir(join(folder, 'conf.d'), { recursive: true })
  const [port, plainPort] = [await freePort(), await freePort()]
  const [first, second] = site.processes
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `${kind}_temp_path ${join(folder, kind)};`,
  )
  const main = filledIn(read('deploy/nginx/nginx.conf'), {
    '/etc/nginx/conf.d': join(folder, 'conf.d'),
    '/run/nginx.pid': join(folder, 'nginx.pid'),
    '/var/log/nginx/error.log': 'stderr',
    '/var/log/nginx/access.log': join(folder, 'access.log'),
    'worker_processes auto': 'worker_processes 2',
    'http {\n': `http {\n${temporary.join('\n')}\n`,
  })
  const chat = filledIn(read('deploy/nginx/conf.d/chat.conf'), {
    'listen 443': `listen 127.0.0.1:${port}`,
    'listen 80': `listen 127.0.0.1:${plainPort}`,
    '/var/www/acme': join(folder, 'acme'),
    '/etc/ssl/chat/fullchain.pem': certificate,
    '/etc/ssl/chat/privkey.pem': key,
    'server 127.0.0.1:3000': `server 127.0.0.1:${site.webPort}`,
    'server unix:/run/tideway/1.sock': `server unix:${first.address}`,
    'server unix:/run/tideway/2.sock': `server ${second.address}`,
    // The default: a stream must not depend on the file.
    'proxy_buffering off': 'proxy_buffering on',
    'proxy_read_timeout 60s': `proxy_read_timeout ${IDLE_SECONDS}s`,
    'proxy_send_timeout 60s': `proxy_send_timeout ${IDLE_SECONDS}s`,
  })
  const challenges = join(folder, 'acme/.well-known/acme-challenge')
  await mkdir(challenges, { recursive: true })
  await writeFile(join(challenges, 'token'), 'the answer')
  await writeFile(join(folder, 'nginx.conf'), main)
  await writeFile(join(folder, 'conf.d/chat.conf'), chat)
  const args = ['-p', folder, '-c', join(folder, 'nginx.conf'), '-e', 'stderr', '-g', 'daemon off;']
  const program = await startProgram(programPath('nginx'), args, { ready: port })
  return { program, port, plainPort, idleMs: IDLE_SECONDS * 1000, hidesRestarts: true }
}
