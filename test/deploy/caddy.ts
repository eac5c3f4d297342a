import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { read } from '../architecture/source-files.ts'
import { startProgram } from '../setup/child-process.ts'
import { programPath } from '../setup/describe-with.ts'
import { freePort } from '../setup/free-port.ts'
import { filledIn, type RunningProxy } from './proxy-suite.ts'
import type { Certificate, Site } from './site.ts'

/** Caddy, with the file of deploy/caddy, told by its environment where the servers are. */
export async function startCaddy(site: Site, { certificate, key }: Certificate): Promise<RunningProxy> {
  const [port, plainPort] = [await freePort(), await freePort()]
  const [first, second] = site.processes
  const file = join(site.folder, 'Caddyfile')
  const values = {
    '{\n\t# After a reload': `{\n\thttp_port ${plainPort}\n\thttps_port ${port}\n\tadmin off\n\t# After a reload`,
    '# tls /etc/ssl/chat/fullchain.pem /etc/ssl/chat/privkey.pem': `tls ${certificate} ${key}`,
  }
  await writeFile(file, filledIn(read('deploy/caddy/Caddyfile'), values))
  const program = await startProgram(programPath('caddy'), ['run', '--adapter', 'caddyfile', '--config', file], {
    ready: port,
    env: {
      TIDEWAY: `unix/${first.address} ${second.address}`,
      WEB: `127.0.0.1:${site.webPort}`,
      HOME: site.folder,
      XDG_CONFIG_HOME: site.folder,
      XDG_DATA_HOME: site.folder,
    },
  })
  return { program, port, plainPort, hidesRestarts: false }
}
