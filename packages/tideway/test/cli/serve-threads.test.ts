import { expect, it } from 'vitest'
import { Command, fixtureSource } from './command.ts'

const application = fixtureSource('threads/application.ts')

async function get(url: string): Promise<unknown> {
  return (await fetch(url)).json()
}

it('tideway serve loads no code for threads if the application has none', async () => {
  const url = await new Command(['serve', application, '--port', '0']).url()
  const loaded = (await get(url)) as string[]
  expect(loaded.length).toBeGreaterThan(0)
  expect(loaded.filter((path) => /piscina|bullmq/.test(path))).toEqual([])
  // So that the line above says something.
  expect(await get(`${url}/thread`)).toBe(42)
  expect((await get(url)) as string[]).toContainEqual(expect.stringContaining('piscina'))
})

it('tideway serve ends the threads of its application at SIGTERM', async () => {
  const command = new Command(['serve', application, '--port', '0'])
  expect(await get(`${await command.url()}/thread`)).toBe(42)
  command.process.kill('SIGTERM')
  expect(await command.exitCode()).toBe(0)
  expect(command.output).toContain('A thread has stopped')
})

it('tideway serve names the function that blocks the event loop', async () => {
  const command = new Command(['serve', application, '--port', '0'], { env: { NODE_ENV: 'development' } })
  const url = await command.url()
  // What watches is ready some time after the server.
  while (!command.output.includes('Probe.handle')) await get(`${url}/block`)
  expect(command.output).toMatch(/Probe\.handle \(.*application\.ts:\d+\) blocked the event loop,/)
})
