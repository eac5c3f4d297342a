import { execFile, spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { DEFAULT_EXIT_TIMEOUT_MS } from '../../packages/tideway/src/cli/serve-program.ts'
import { mostToStopMs } from '../../packages/tideway/src/cli/serve-process.ts'
import { limitDefaults } from '../../packages/tideway/src/server/limits/limit-options.ts'
import { read, root } from '../architecture/source-files.ts'
import { startProgram } from '../setup/child-process.ts'
import { describeWith, programPath } from '../setup/describe-with.ts'
import { compileProgram, bundledTideway } from '../setup/compiled.ts'

const services = ['tideway@.service', 'tideway.service'] as const
const worker = 'tideway-worker.service'
const sockets = ['tideway@.socket', 'tideway.socket'] as const

/** The values of a unit by their names, those of a name that is repeated in a list; continued lines are one. */
function settingsOf(unit: string): Map<string, string[]> {
  const settings = new Map<string, string[]>()
  const text = read(`deploy/systemd/${unit}`).replaceAll(/\\\n\s*/g, '')
  for (const [, name, value] of text.matchAll(/^([A-Z]\w*)=(.*)$/gm)) {
    settings.set(name!, [...(settings.get(name!) ?? []), value!])
  }
  return settings
}

const one = (unit: string, name: string): string => settingsOf(unit).get(name)![0]!

describe.each([...services, worker])('deploy/systemd/%s', (service) => {
  it('has a stop timeout above that of tideway serve', () => {
    expect(Number(one(service, 'TimeoutStopSec')) * 1000).toBeGreaterThan(mostToStopMs({}, DEFAULT_EXIT_TIMEOUT_MS))
  })
})

describe.each(services)('deploy/systemd/%s', (service) => {
  it('has more descriptors than allowed connections', () => {
    expect(Number(one(service, 'LimitNOFILE'))).toBeGreaterThan(limitDefaults.maxConnections as number)
  })

  it('asks the socket that systemd holds for it whether it is ready', () => {
    const socket = service.replace('.service', '.socket')
    expect(one(service, 'ExecStartPost')).toContain(`--unix-socket ${one(socket, 'ListenStream')} `)
    expect(one(service, 'Requires')).toBe(socket.replace('@', '@%i'))
  })
})

it('deploy/nginx asks the sockets of deploy/systemd', () => {
  const path = one('tideway@.socket', 'ListenStream')
  const servers = [...read('deploy/nginx/conf.d/chat.conf').matchAll(/server unix:(\S+)/g)].map(([, server]) => server)
  expect(servers).toEqual(['1', '2'].map((name) => path.replace('%i', name)))
})

describeWith(['systemd', 'curl'], 'the units of deploy/systemd', () => {
  let folder = ''

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tideway-systemd-'))
    await mkdir(join(folder, 'units'))
    // The programs are looked for where they are on this machine.
    for (const unit of [...services, ...sockets, worker]) {
      const text = read(`deploy/systemd/${unit}`)
        .replaceAll('/usr/bin/node', process.execPath)
        .replaceAll('/usr/bin/curl', programPath('curl'))
      await writeFile(join(folder, 'units', unit), text)
    }
  })

  afterAll(() => rm(folder, { recursive: true, force: true }))

  it('are all here', async () => {
    expect((await readdir(join(root, 'deploy/systemd'))).toSorted()).toEqual(
      [...services, ...sockets, worker].toSorted(),
    )
  })

  it.each(['tideway@1.service', 'tideway.service', worker])('%s is understood by systemd', (unit) => {
    const { status, stdout, stderr } = spawnSync(programPath('systemd'), ['verify', join(folder, 'units', unit)], {
      encoding: 'utf8',
    })
    // What it says of units of the machine itself is not ours.
    const said = `${stdout}${stderr}`.split('\n').filter((line) => line.includes('tideway'))
    expect({ status, said }).toEqual({ status: 0, said: [] })
  })

  it.each([...services, worker])('%s may do little: systemd rates its exposure below 2 of 10', (service) => {
    const args = ['security', '--offline=yes', '--threshold=20', join(folder, 'units', service)]
    const { status, stdout } = spawnSync(programPath('systemd'), args, { encoding: 'utf8' })
    expect(status, stdout.split('\n').at(-2)).toBe(0)
  })

  it.each(services)('the command of %s uses the socket of systemd, answers, and stops gracefully', async (service) => {
    const socket = join(folder, `${service}.sock`)
    // systemd-socket-activate does what systemd would: it holds the socket, and starts the command at the first question.
    const [node, bin, ...flags] = one(service, 'ExecStart').split(' ')
    expect([node, bin]).toEqual(['/usr/bin/node', 'node_modules/.bin/tideway'])
    const env = { PATH: process.env.PATH }
    const application = compileProgram(new URL('fixture/without-groups/application.ts', import.meta.url))
    const args = flags.map((flag) => flag.replace('dist/application.js', application))
    const environment = Object.entries(env).flatMap(([name, value]) => ['--setenv', `${name}=${value}`])
    const activate = programPath('systemd').replace('systemd-analyze', 'systemd-socket-activate')
    const program = await startProgram(
      activate,
      ['--listen', socket, ...environment, process.execPath, bundledTideway, ...args],
      { cwd: root, ready: /Listening on/, stopTimeoutMs: 20_000 },
    )
    try {
      const [, ...question] = one(service, 'ExecStartPost').split(' ')
      const asked = question.map((word) => (word.startsWith('/run/') ? socket : word))
      await promisify(execFile)(programPath('curl'), asked)
    } finally {
      expect(await program.stop()).toEqual({ code: 0, signal: null })
    }
  })
})
