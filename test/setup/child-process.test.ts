import { describe, expect, it } from 'vitest'

import { startProgram } from './child-process.ts'
import { freePort } from './free-port.ts'

const node = (script: string): [string, string[]] => [process.execPath, ['--eval', script]]

describe('startProgram', () => {
  it('waits for the ready line of the program', async () => {
    const program = await startProgram(...node("console.error('listening on 4711'); setInterval(() => {}, 1000)"), {
      ready: /listening on (\d+)/,
    })
    try {
      expect(program.readyMatch?.[1]).toBe('4711')
      expect(program.output()).toContain('listening on 4711')
    } finally {
      expect(await program.stop()).toEqual({ code: null, signal: 'SIGTERM' })
    }
  })

  it('waits for the port that it listens on', async () => {
    const port = await freePort()
    const program = await startProgram(
      ...node("require('net').createServer().listen(+process.env.PORT, '127.0.0.1')"),
      {
        ready: port,
        env: { PORT: String(port) },
      },
    )
    await program.stop()
    expect(program.readyMatch).toBeUndefined()
  })

  it('reports the output of a program that ends too early', async () => {
    const start = startProgram(...node("console.log('no such file'); process.exit(3)"), { ready: /listening/ })
    await expect(start).rejects.toThrow(/ended \(code 3, signal null\) before it was ready\. It printed:\nno such file/)
  })

  it('stops a program that is not ready in time', async () => {
    const start = startProgram(...node("console.log('warming up'); setInterval(() => {}, 1000)"), {
      ready: /listening/,
      startTimeoutMs: 500,
    })
    await expect(start).rejects.toThrow('was not ready within 500 ms')
  })

  it('reports a command that does not exist', async () => {
    await expect(startProgram('tideway-no-such-command', [], { ready: /./ })).rejects.toThrow('ENOENT')
  })

  it('kills a program that ignores SIGTERM', async () => {
    const script = "process.on('SIGTERM', () => {}); setInterval(() => {}, 1000); console.log('ready')"
    const program = await startProgram(...node(script), { ready: /ready/, stopTimeoutMs: 50 })
    expect(await program.stop()).toEqual({ code: null, signal: 'SIGKILL' })
    expect(await program.stop()).toEqual({ code: null, signal: 'SIGKILL' })
  })
})
