// The texts of the chat. The English text is the key of its translation. The server uses this module, too.

import { korean } from './korean.js'

/**
 * Returns the text in a language, with the values of its `{placeholders}`. A text without a translation stays English.
 *
 * @param {string} text @param {string} language @param {Readonly<Record<string, string | number>>} [values]
 */
export function textIn(text, language, values = {}) {
  const found = language === 'ko' ? (korean[text] ?? text) : text
  return found.replaceAll(/\{(\w+)\}/g, (mark, name) => String(values[name] ?? mark))
}

/**
 * Returns the text in the language of the page.
 *
 * @param {string} text @param {Readonly<Record<string, string | number>>} [values]
 */
export function t(text, values) {
  return textIn(text, document.documentElement.lang, values)
}

/** Returns the locale for times and dates: the visitor's variant of the language of the page, such as `en-GB`. */
export function locale() {
  const { lang } = document.documentElement
  return navigator.languages.find((each) => each.startsWith(lang)) ?? lang
}

/** Shows a button for the other language. @param {HTMLElement} button */
export function offerOtherLanguage(button) {
  const [language, name] = document.documentElement.lang === 'ko' ? ['en', 'English'] : ['ko', '한국어']
  button.lang = language
  button.textContent = name
  button.addEventListener('click', () => {
    document.cookie = `language=${language}; path=/; max-age=31536000; samesite=lax`
    location.reload()
  })
}
