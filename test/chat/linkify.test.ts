import { expect, it } from 'vitest'

const { isEmoji } = (await import(new URL('../../examples/chat/public/linkify.js', import.meta.url).href)) as {
  readonly isEmoji: (text: string) => boolean
}

it.each(['🎉', '👩‍👩‍👧 🇰🇷', '❤️', '👍🏽👍🏽👍🏽'])('shows %s larger', (text) => {
  expect(isEmoji(text)).toBe(true)
})

it.each(['', ' ', '1', '#', 'ok', '한', '🎉!', '🎉🎉🎉🎉'])('does not show "%s" larger', (text) => {
  expect(isEmoji(text)).toBe(false)
})
