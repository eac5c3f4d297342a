import { describe, expect, it } from 'vitest'
import { systemClock } from '../../../src/layer/log/clock.ts'
import { MAX_ANSWER_CHARACTERS, MAX_ANSWERS, MemoryAnswers } from '../../../src/layer/log/memory-answers.ts'

/** Which of the keys still have an answer. */
async function answered(answers: MemoryAnswers, ...keys: readonly string[]): Promise<string[]> {
  const claims = await Promise.all(keys.map((key) => answers.claim(key, 'o', 1)))
  return keys.filter((_key, index) => claims[index]!.status === 'answered')
}

describe('the answers in memory', () => {
  it('are at most the maximum number, and the newer half of them is kept', async () => {
    const answers = new MemoryAnswers(systemClock)
    const half = MAX_ANSWERS / 2
    for (let i = 0; i < MAX_ANSWERS; i++) await answers.answer(`${i}`, 'x', 600_000)
    expect(await answered(answers, '0', `${half}`, `${MAX_ANSWERS - 1}`)).toHaveLength(3)
    await answers.answer('next', 'x', 600_000)
    expect(await answered(answers, 'next', `${half}`, `${half - 1}`)).toEqual(['next', `${half}`])
  })

  it('have at most the maximum size, also if an answer is replaced', async () => {
    const answers = new MemoryAnswers(systemClock)
    const half = 'x'.repeat(MAX_ANSWER_CHARACTERS / 2)
    for (const key of ['a', 'b', 'b']) await answers.answer(key, half, 600_000)
    expect(await answered(answers, 'a', 'b')).toEqual(['a', 'b'])
    await answers.answer('c', 'x', 600_000)
    expect(await answered(answers, 'b', 'c', 'a')).toEqual(['b', 'c'])
  })
})
