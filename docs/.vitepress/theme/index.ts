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

export default {
  extends: theme,
  Layout: () => h(theme.Layout, null, { 'home-hero-after': () => h(picture) }),
} satisfies Theme
