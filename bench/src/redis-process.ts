import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startServer } from './server-process.ts'

/** A redis-server of its own, on the processor of the load, that keeps nothing. */
export async function startRedis(): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'tideway-bench-redis-'))
  const args = ['--port', 'PORT', '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder]
  const server = await startServer({ command: 'redis-server', args }, 'load')
  return {
    url: `redis://127.0.0.1:${server.port}`,
    async stop() {
      await server.stop()
      await rm(folder, { recursive: true })
    },
  }
}
