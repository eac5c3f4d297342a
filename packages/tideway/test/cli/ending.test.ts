import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rename, rm } from 'node:fs/promises'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it, onTestFinished } from 'vitest'
import { compiledTideway } from '../../../../test/setup/compiled.ts'
import { describeWith, programPath } from '../../../../test/setup/describe-with.ts'
import { eventually } from '../server/serving.ts'
import { Command, fixture } from './command.ts'

const application = fixture('ending/application.ts')

describe('the shutdown of tideway serve', () => {
  it('waits for tasks before the shutdown of the application, and closes the layers last', async () => {
    const command = new Command(['serve', application, '--port', '0'])
    await (await fetch(await command.url())).text()
    await command.says(/work begins/)
    command.process.kill('SIGTERM')
    expect(await command.exitCode()).toBe(0)
    expect(command.output).toMatch(/work is done\nshutdown\nlayer closes\n$/)
  })

  it.each([
    ['shutdown', 'the connections, the tasks and the shutdown of the application'],
    ['layer', 'the channel layers'],
  ])('does not wait for a %s that hangs, logs it, and exits with 3', async (stuck, what) => {
    const flags = ['--port', '0', '--drain-timeout', '0.1', '--exit-timeout', '0.2']
    const command = new Command(['serve', application, ...flags], { env: { STUCK: stuck } })
    await command.url()
    command.process.kill('SIGTERM')
    expect(await command.exitCode()).toBe(3)
    expect(command.output).toContain(`tideway: the shutdown took over 1.3 s. Exiting without the rest of ${what}.`)
  })
})

describe('tideway serve at SIGHUP', () => {
  it('opens a moved access log again', async () => {
    const folder = await temporaryFolder()
    const [file, moved] = [join(folder, 'access.log'), join(folder, 'access.log.1')]
    const command = new Command(['serve', fixture('serve/application.ts'), '--port', '0', '--access-log', file])
    const url = await command.url()
    await (await fetch(`${url}/before`)).text()
    await eventually(() => readFile(file, 'utf8')).toContain('/before')
    await rename(file, moved)
    command.process.kill('SIGHUP')
    await eventually(() => readFile(file, 'utf8').catch(() => 'none')).toBe('')
    await (await fetch(`${url}/after`)).text()
    await eventually(() => readFile(file, 'utf8')).toContain('/after')
    expect(await readFile(moved, 'utf8')).not.toContain('/after')
  })
})

describeWith(['python'], 'tideway serve in a closed terminal', () => {
  // Runs a command in a terminal of its own, closes that when it listens, and prints how the command has ended.
  const script = `
import os, pty, sys
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
said = b''
while b'Listening' not in said:
    said += os.read(terminal, 4096)
os.close(terminal)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
`

  it.each([
    ['one process', [], 1],
    ['two workers', ['--workers', '2'], 2],
  ])('stops a server of %s in order', async (_name, flags, processes) => {
    const report = join(await temporaryFolder(), 'report')
    const command = [process.execPath, compiledTideway, 'serve']
    const args = ['-c', script, ...command, application, '--port', '0', ...flags]
    const { stdout } = await promisify(execFile)(programPath('python'), args, {
      env: { ...process.env, REPORT: report },
    })
    expect(await readFile(report, 'utf8')).toBe('shutdown\n'.repeat(processes))
    expect(stdout).toBe(`${-constants.signals.SIGHUP}\n`)
  })
})

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tideway-ending-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  return folder
}
