import { createElement, StrictMode, type ReactElement } from 'react'
import { createRoot } from 'react-dom/client'

/**
 * Mounts the page in strict mode, where every effect runs twice, and notes its texts as they come: who looks now and then may miss one
 * that is there for a second. Returns a function that removes the page.
 */
export function mountStrict(page: ReactElement, texts: string[]): () => void {
  const element = document.createElement('main')
  document.body.append(element)
  new MutationObserver(() => texts.push(element.textContent)).observe(element, {
    childList: true,
    characterData: true,
    subtree: true,
  })
  const root = createRoot(element)
  root.render(createElement(StrictMode, null, page))
  return () => root.unmount()
}
