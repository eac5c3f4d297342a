import { useData, type Theme } from 'vitepress'
import theme from 'vitepress/theme'
import { h } from 'vue'
import chat from '../../images/chat.png'
import './site.css'

const alts: Readonly<Record<string, string>> = {
  en: 'The chat example on a desktop and on a phone: three people in a room called lobby',
  ko: '데스크톱과 휴대전화에서 본 채팅 예제. lobby라는 방에 세 사람이 있습니다.',
}

/** The picture of the chat between the words of the start page and its features. */
function picture() {
  return h('div', { class: 'start-picture' }, h('img', { src: chat, alt: alts[useData().lang.value] }))
}

/** Two waves, as in the icon of the page. They have the colour of the brand, in the light and in the dark. */
function logo() {
  const path = h('path', { d: 'M3 13q6.5-8 13 0t13 0M3 22q6.5-8 13 0t13 0' })
  return h('svg', { class: 'logo', viewBox: '0 0 32 32', 'aria-hidden': 'true' }, path)
}

export default {
  extends: theme,
  Layout: () => h(theme.Layout, null, { 'nav-bar-title-before': () => h(logo), 'home-hero-after': () => h(picture) }),
} satisfies Theme
