// The report of the room: its progress, and its picture.

import { element, find } from './dom.js'
import { timeOfDay } from './transcript.js'
import { t } from './words.js'

/** @typedef {import('./connection.js').Report} Report */

const frame = find('data-report')
/** @type {HTMLProgressElement} */
const bar = find('data-report-bar')
const percent = find('data-report-percent')

/** The last report that this page has shown. */
let shownAt = 0

/** Shows the progress; without a number the report is queued. @param {number} [progress] */
export function showProgress(progress) {
  // A client that joins a running report already has its bar.
  if (progress === undefined && !frame.hidden) return
  frame.hidden = false
  if (progress === undefined) bar.removeAttribute('value')
  else bar.value = progress
  percent.textContent = progress === undefined ? t('Waiting…') : `${Math.round(progress * 100)} %`
}

/** The progress is unknown, or the report has ended. */
export function forgetReport() {
  frame.hidden = true
  bar.removeAttribute('value')
}

/**
 * @param {string} room
 * @param {Report | undefined} report without one it has failed
 * @param {import('./transcript.js').Transcript} transcript
 */
export function showReport(room, report, transcript) {
  forgetReport()
  if (report === undefined) return transcript.notice(t('The report failed. Try again later.'))
  // The last report comes again with the history.
  if (report.at <= shownAt) return undefined
  shownAt = report.at
  if (report.words.length === 0)
    return transcript.insert(t('Nothing to report: there are no words to count yet.'), report.at)
  return transcript.insert(picture(room, report), report.at)
}

/** @param {string} room @param {Report} report */
function picture(room, { at, words }) {
  const counted = words.map(([word, count]) => `${word} ${count}`).join(', ')
  const image = element('img', {
    // The height is set before the image loads, so that the page does not jump.
    width: '360',
    height: String(words.length * 34),
    src: `/rooms/${encodeURIComponent(room)}/report.svg?at=${at}`,
    alt: t('How often each word was said: {counted}.', { counted }),
  })
  return element(
    'figure',
    { class: 'report-picture' },
    element('figcaption', {}, t('What this room talked about, at {time}', { time: timeOfDay(at) })),
    image,
  )
}
