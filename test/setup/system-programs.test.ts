import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { explain, whatToDo } from './describe-with.ts'
import { preparePrograms, type Machine } from './prepare-programs.ts'
import { namesIn, programsNeeded } from './programs-needed.ts'
import { findProgram, systemPrograms } from './system-programs.ts'

// A machine of its own: nothing is on its PATH but what a test puts there, an apt-get made of shell included.
let bin: string
let lines: string[]

beforeEach(async () => {
  bin = await mkdtemp(join(tmpdir(), 'tideway-programs-'))
  lines = []
})

afterEach(async () => {
  await rm(bin, { recursive: true })
})

async function put(name: string, script = 'exit 0'): Promise<string> {
  const path = join(bin, name)
  await writeFile(path, `#!/bin/sh\n${script}\n`)
  await chmod(path, 0o755)
  return path
}

function machine(canInstall: boolean): Machine {
  return { searchPath: bin, canInstall, say: (line) => lines.push(line) }
}

describe('findProgram', () => {
  it('finds a program on the search path', async () => {
    const path = await put('nginx')
    expect(await findProgram(systemPrograms.nginx, `/nowhere:${bin}`)).toBe(path)
  })

  it('finds the first existing name', async () => {
    const path = await put('google-chrome')
    expect(await findProgram(systemPrograms.chromium, bin)).toBe(path)
  })

  it('reports a program as missing if one of its commands is missing', async () => {
    await put('redis-server')
    expect(await findProgram(systemPrograms.redis, bin)).toBeUndefined()
  })

  it('ignores a file that is not executable', async () => {
    await chmod(await put('curl'), 0o644)
    expect(await findProgram({ commands: [['curl']], debianPackages: [] }, bin)).toBeUndefined()
  })

  it('checks the modules of Python', async () => {
    const python = await put('python3', 'case "$*" in *twisted*) exit 1;; esac')
    const program = { commands: [[python]], debianPackages: [] }
    expect(await findProgram({ ...program, pythonModules: ['json'] }, '')).toBe(python)
    expect(await findProgram({ ...program, pythonModules: ['json', 'twisted'] }, '')).toBeUndefined()
  })
})

describe('preparePrograms', () => {
  const APT_GET = 'echo "$DEBIAN_FRONTEND $*" >> "$0.log"'

  it('prints and installs nothing if no program is missing', async () => {
    const path = await put('curl')
    await put('apt-get', APT_GET)
    expect(await preparePrograms(['curl'], machine(true))).toEqual({ curl: path })
    expect(lines).toEqual([])
    await expect(readFile(join(bin, 'apt-get.log'))).rejects.toThrow('ENOENT')
  })

  it('installs all missing programs in one command, after one line of output', async () => {
    const curl = await put('curl')
    const chmodded = (name: string): string => `echo > "${bin}/${name}"; /bin/chmod 755 "${bin}/${name}"`
    await put('apt-get', `${APT_GET}\n[ "$1" = install ] && { ${chmodded('wrk')}; ${chmodded('nginx')}; }; exit 0`)
    expect(await preparePrograms(['curl', 'wrk', 'nginx'], machine(true))).toEqual({
      curl,
      wrk: join(bin, 'wrk'),
      nginx: join(bin, 'nginx'),
    })
    expect(lines).toEqual(['Tests need wrk, nginx: installing wrk nginx-light with apt-get.'])
    expect((await readFile(join(bin, 'apt-get.log'), 'utf8')).split('\n')).toEqual([
      expect.stringMatching(/^noninteractive update /),
      expect.stringMatching(/^noninteractive install -y .*--no-install-recommends .*wrk nginx-light$/),
      '',
    ])
  })

  it('installs a program although a substitute is there, and uses the substitute only without permission', async () => {
    const substitute = await put('chromium')
    expect(await preparePrograms(['headlessChromium'], machine(false))).toEqual({ headlessChromium: substitute })
    const path = join(bin, 'chromium-headless-shell')
    await put('apt-get', `[ "$1" = install ] && { echo > "${path}"; /bin/chmod 755 "${path}"; }; exit 0`)
    expect(await preparePrograms(['headlessChromium'], machine(true))).toEqual({ headlessChromium: path })
  })

  it('installs nothing without permission', async () => {
    await put('apt-get', APT_GET)
    expect(await preparePrograms(['wrk'], machine(false))).toEqual({ wrk: null })
    expect(lines).toEqual([])
    await expect(readFile(join(bin, 'apt-get.log'))).rejects.toThrow('ENOENT')
  })

  it('reports a failed installation and continues', async () => {
    await put('apt-get', 'echo "E: Unable to locate package $1" >&2; exit 100')
    expect(await preparePrograms(['wrk'], machine(true))).toEqual({ wrk: null })
    expect(lines[1]).toMatch(/could not install them: .*E: Unable to locate package install$/s)
  })

  it('works without apt-get', async () => {
    expect(await preparePrograms(['wrk'], machine(true))).toEqual({ wrk: null })
    expect(lines[1]).toMatch(/could not install them: .*ENOENT/s)
  })
})

describe('the programs of the selected test files', () => {
  it('come from their describeWith calls', () => {
    const call = 'describeWith'
    expect(namesIn(`${call}(['redis', "nginx"], 'x', () => {})\n${call}(\n  ['curl'],\n 'y')`)).toEqual([
      'redis',
      'nginx',
      'curl',
    ])
  })

  it('are empty for a file without such a call', () => {
    expect(namesIn("describe('redis', () => {})")).toEqual([])
  })

  it('contain each program once', async () => {
    const call = 'describeWith'
    const files = [join(bin, 'a.test.ts'), join(bin, 'b.test.ts')]
    for (const file of files) await writeFile(file, `${call}(['redis'], 'x', () => {})`)
    expect(await programsNeeded(files)).toEqual(['redis'])
  })
})

describe('a suite whose programs are missing', () => {
  it('runs if no program is missing', () => {
    expect(whatToDo([], { CI: 'true' })).toBe('run')
  })

  it('is skipped locally and fails in CI', () => {
    expect(whatToDo(['redis'], {})).toBe('skip')
    expect(whatToDo(['redis'], { CI: 'true' })).toBe('fail')
  })

  it('names the missing programs and the command that installs them', () => {
    expect(explain(['redis', 'wrk'])).toBe(
      'Missing on this machine: redis, wrk. On Debian: apt-get install redis-server redis-tools wrk',
    )
  })
})
