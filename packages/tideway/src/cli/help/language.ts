/** The languages of the help. */
export type HelpLanguage = 'en' | 'ko'

/** The language of messages in an environment, by the first of `LC_ALL`, `LC_MESSAGES` and `LANG` that is set, as in POSIX. */
export function helpLanguage({ LC_ALL, LC_MESSAGES, LANG }: NodeJS.ProcessEnv): HelpLanguage {
  const locale = [LC_ALL, LC_MESSAGES, LANG].find((value) => value !== undefined && value !== '') ?? ''
  return /^ko(?![a-z])/i.test(locale) ? 'ko' : 'en'
}
