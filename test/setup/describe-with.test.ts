import { execFile } from 'node:child_process'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const vitest = join(dirname(createRequire(import.meta.url).resolve('vitest/package.json')), 'vitest.mjs')
let bin: string

beforeEach(async () => {
  bin = await mkdtemp(join(tmpdir(), 'tideway-programs-'))
})

afterEach(async () => {
  await rm(bin, { recursive: true })
})

async function put(name: string): Promise<void> {
  await writeFile(join(bin, name), '#!/bin/sh\n')
  await chmod(join(bin, name), 0o755)
}

/** A whole run of vitest with the set-up, on the fixture, where only what was `put` is on the PATH. */
function runFixture(env: NodeJS.ProcessEnv): Promise<{ statuses: Record<string, string>; stderr: string }> {
  const args = [vitest, 'run', '--config', join(import.meta.dirname, 'fixture/vitest.config.ts')]
  return new Promise((resolve) => {
    execFile(process.execPath, args, { env: { ...process.env, PATH: bin, ...env } }, (_failed, stdout, stderr) => {
      const report = JSON.parse(stdout.slice(stdout.indexOf('{'))) as {
        testResults: { assertionResults: { fullName: string; status: string; failureMessages: string[] }[] }[]
      }
      const tests = report.testResults.flatMap((file) => file.assertionResults)
      const statuses = tests.map(({ fullName, status, failureMessages }) => {
        return [fullName, [status, ...failureMessages].join(': ').split('\n')[0]!]
      })
      resolve({ statuses: Object.fromEntries(statuses) as Record<string, string>, stderr })
    })
  })
}

describe('describeWith', () => {
  beforeEach(() => put('apt-get'))

  it('runs the suite when its programs are there', async () => {
    await put('wrk')
    const { statuses, stderr } = await runFixture({ CI: 'true' })
    expect(statuses).toEqual({
      'load knows where the program is': 'passed',
      'anything runs without a program': 'passed',
    })
    expect(stderr).toBe('')
  })

  it('skips the suite with one line when a program is missing', async () => {
    const { statuses, stderr } = await runFixture({ CI: '' })
    expect(statuses).toEqual({
      'load knows where the program is': 'skipped',
      'anything runs without a program': 'passed',
    })
    expect(stderr).toBe('SKIPPED: "load". Missing on this machine: wrk. On Debian: apt-get install wrk\n')
  })

  it('fails the suite in CI when a program is missing', async () => {
    const { statuses } = await runFixture({ CI: 'true' })
    expect(statuses).toEqual({
      'load finds the system programs that it needs':
        'failed: Error: Missing on this machine: wrk. On Debian: apt-get install wrk',
      'anything runs without a program': 'passed',
    })
  })
})
