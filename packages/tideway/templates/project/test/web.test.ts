import assert from 'node:assert/strict'
import { test } from 'node:test'
import { liveServer } from 'tideway/testing'
import application from '../src/application.ts'
// @if accounts
import { logIn } from './log-in.ts'
// @end

test('the server answers HTTP', async () => {
  await using server = await liveServer(application)
  assert.equal(await (await fetch(`${server.url}/health`)).text(), 'ok')
  assert.equal((await fetch(`${server.url}/no/such/page`)).status, 404)
  // @if page
  const page = await fetch(server.url)
  assert.match(page.headers.get('content-type') ?? '', /^text\/html/)
  assert.match(await page.text(), /<title>A room<\/title>/)
  // @if vanilla
  const program = await fetch(`${server.url}/tideway-client.js`)
  // @if bundle
  const program = await fetch(`${server.url}/page.js`)
  // @if page
  assert.match(program.headers.get('content-type') ?? '', /javascript/)
  assert.match(await program.text(), /reconnecting/)
  // @if accounts
  assert.equal((await fetch(`${server.url}/me`)).status, 401)
  const me = await fetch(`${server.url}/me`, { headers: await logIn('Ada') })
  assert.deepEqual(await me.json(), { name: 'Ada' })
  // @end
})
