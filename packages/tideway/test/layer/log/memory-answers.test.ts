import { describe, expect, it } from 'vitest'
import { systemClock } from '../../../src/layer/log/clock.ts'
import { MAX_ANSWER_CHARACTERS, MAX_ANSWERS, MemoryAnswers } from '../../../src/layer/log/memory-answers.ts'

/** Which of the keys still have an answer. */
async function answered(answers: MemoryAnswers, ...keys: readonly string[]): Promise<string[]> {
  const claims = await Promise.all(keys.map((key) => answers.claim(key, 'o', 1)))
  return keys.filter((_key, index) => claims[index]!.status === 'answered')
}

describe('the answers in memory', () => {
  it('drop the oldest ones over the maximum number', async () => {
    const answers = new MemoryAnswers(systemClock)
    for (let i = 0; i < MAX_ANSWERS; i++) await answers.answer(`${i}`, 'x', 600_000)
    expect(await answered(answers, '0')).toEqual(['0'])
    await answers.answer('next', 'x', 600_000)
    expect(await answered(answers, 'next', '1', '0')).toEqual(['next', '1'])
  })

  it('drop the oldest ones over the maximum size', async () => {
    const answers = new MemoryAnswers(systemClock)
    const half = 'x'.repeat(MAX_ANSWER_CHARACTERS / 2)
    await answers.answer('a', half, 600_000)
    await answers.answer('b', half, 600_000)
    expect(await answered(answers, 'a', 'b')).toEqual(['a', 'b'])
    await answers.answer('b', half, 600_000)
    expect(await answered(answers, 'a', 'b')).toEqual(['a', 'b'])
    await answers.answer('c', 'x', 600_000)
    expect(await answered(answers, 'b', 'c', 'a')).toEqual(['b', 'c'])
  })
})
