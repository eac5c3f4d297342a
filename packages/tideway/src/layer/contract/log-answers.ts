import assert from 'node:assert/strict'
import { until } from './contract-test.ts'
import type { LogContractChapter } from './log-test.ts'

const LONG_MS = 600_000

/** Answers to requests: claims, answers and their times. */
export const answerTests: LogContractChapter = {
  'gives the claim of a key to one of its concurrent owners': async ({ makeLog }) => {
    const { answers } = await makeLog()
    const owners = Array.from({ length: 20 }, (_, index) => `owner ${index}`)
    const claims = await Promise.all(owners.map((owner) => answers.claim('key', owner, LONG_MS)))
    assert.equal(claims.filter(({ status }) => status === 'claimed').length, 1)
    assert.equal(claims.filter(({ status }) => status === 'taken').length, 19)
  },
  'gives an owner its claim again': async ({ makeLog }) => {
    const { answers } = await makeLog()
    await answers.claim('key', 'a', LONG_MS)
    assert.deepEqual(await answers.claim('key', 'a', LONG_MS), { status: 'claimed' })
    assert.deepEqual(await answers.claim('key', 'ab', LONG_MS), { status: 'taken' })
  },
  'returns the answer to every later claim': async ({ makeLog }) => {
    const { answers } = await makeLog()
    await answers.claim('key', 'a', LONG_MS)
    await answers.answer('key', '{"ok":1}', LONG_MS)
    for (const owner of ['a', 'b']) {
      assert.deepEqual(await answers.claim('key', owner, LONG_MS), { status: 'answered', answer: '{"ok":1}' })
    }
  },
  'keeps keys apart': async ({ makeLog }) => {
    const { answers } = await makeLog()
    await answers.answer('one', '1', LONG_MS)
    assert.deepEqual(await answers.claim('two', 'a', LONG_MS), { status: 'claimed' })
  },
  'expires a claim that its owner does not extend': async ({ makeLog, ttlMs }) => {
    const { answers } = await makeLog()
    await answers.claim('key', 'killed', ttlMs)
    await until('the claim expires', async () => (await answers.claim('key', 'b', LONG_MS)).status === 'claimed')
  },
  'extends a claim for its owner': async ({ makeLog, ttlMs }) => {
    const { answers } = await makeLog()
    await answers.claim('key', 'a', ttlMs)
    await answers.claim('key', 'a', LONG_MS)
    await answers.claim('other', 'killed', ttlMs)
    await until('the other claim expires', async () => (await answers.claim('other', 'b', ttlMs)).status === 'claimed')
    assert.deepEqual(await answers.claim('key', 'b', LONG_MS), { status: 'taken' })
  },
  'expires an answer': async ({ makeLog, ttlMs }) => {
    const { answers } = await makeLog()
    await answers.answer('key', '1', ttlMs)
    await until('the answer expires', async () => (await answers.claim('key', 'a', LONG_MS)).status === 'claimed')
  },
  'keeps every answer up to 64 KiB as it is': async ({ makeLog }) => {
    const { answers } = await makeLog()
    for (const answer of ['', 'c', 'é 한국어 😀 \u2028 \u0000', 'x'.repeat(65_536)]) {
      await answers.answer('key', answer, LONG_MS)
      const claim = await answers.claim('key', 'a', LONG_MS)
      assert.ok(claim.status === 'answered' && claim.answer === answer, 'the answer is unchanged')
    }
  },
}

/** Answers of two processes. */
export const crossingAnswerTests: LogContractChapter = {
  'shares claims and answers with other processes': async ({ makeLog, makePeer }) => {
    const log = await makeLog()
    const peer = await makePeer(log)
    assert.deepEqual(await log.answers.claim('key', 'a', LONG_MS), { status: 'claimed' })
    assert.deepEqual(await peer.answers.claim('key', 'b', LONG_MS), { status: 'taken' })
    await log.answers.answer('key', 'done', LONG_MS)
    assert.deepEqual(await peer.answers.claim('key', 'b', LONG_MS), { status: 'answered', answer: 'done' })
  },
}
