import { execFile } from 'node:child_process'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'

import { bundledTideway, compileProgram, compiledTideway, tidewayFor } from './compiled.ts'

describe('compileProgram', () => {
  it('compiles a program that plain Node runs with the bundled packages', async () => {
    const program = compileProgram(new URL('../live/fixture/room.ts', import.meta.url))
    const script = `
      const [{ room }, { createRequire }] = [await import('${program}'), await import('node:module')]
      console.log(room('lobby').name, createRequire('${program}').resolve('tideway/live'))`
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script])
    expect(stdout).toMatch(/^room\.lobby \S+\/bundled-programs\/node_modules\/tideway\/dist\/live\/index\.js\n$/)
  })

  it('refuses a program that imports the sources of a package by a relative path', () => {
    const fixture = new URL('../../packages/tideway/test/server/metrics/fixture/cluster.ts', import.meta.url)
    expect(() => compileProgram(fixture)).toThrow(
      /cluster\.ts imports packages\/tideway\/src\/.*by the name of its package/,
    )
  })
})

it.each([
  ['compiledTideway', compiledTideway],
  ['bundledTideway', bundledTideway],
])('%s is the command of the package', async (_, command) => {
  const { stdout } = await promisify(execFile)(process.execPath, [command, '--version'])
  expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
})

it('tidewayFor is the bundled command for a compiled program and in its folder, and otherwise the compiled command', () => {
  const program = compileProgram(new URL('../live/fixture/room.ts', import.meta.url))
  expect(tidewayFor(['serve', program])).toBe(bundledTideway)
  expect(tidewayFor(['serve', dirname(program)])).toBe(bundledTideway)
  expect(tidewayFor(['serve', 'application.ts', '.'])).toBe(compiledTideway)
})
